"""The composition root: settings, wiring, command line. Imports every room, is imported by none."""
