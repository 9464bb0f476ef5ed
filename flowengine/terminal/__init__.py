"""A phone and a chat in the terminal: what a person types becomes the acts of a scenario, and can be saved as one."""
