"""When a person is needed, what they are told, and what must not be kept. Pure: no I/O but loading the rules."""
