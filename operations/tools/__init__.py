"""Actions on the owner's systems over HTTP: what is allowed, and the client that does it."""
