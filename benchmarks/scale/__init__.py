"""Benchmarks of many rows on several workers: one command, `python -m benchmarks.scale`."""
