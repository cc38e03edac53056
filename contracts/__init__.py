"""What the rooms promise each other. Imports no other room."""
