"""Model processes: start them, supervise them, talk to them, share the cores among them."""
