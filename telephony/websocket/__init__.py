"""Calls that come over a provider's WebSocket."""
