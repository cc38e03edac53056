"""Set-up, benchmarks, load. Run from the project's folder: ``python -m scripts.NAME``."""
