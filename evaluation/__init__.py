"""Suites that measure what callers get, from files that a stranger can bring."""
