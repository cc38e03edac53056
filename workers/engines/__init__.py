"""The models themselves; each module is loaded only inside the worker process that hosts it."""
