"""What is remembered of calls and conversations, read back: found, told, and made into tests."""
