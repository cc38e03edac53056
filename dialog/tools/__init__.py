"""What a caller can have done: tasks, the state machine that leads through one, and its shell."""
