"""What the outbox holds, carried out: one kind of row to a file."""
