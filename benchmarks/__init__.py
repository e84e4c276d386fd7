"""Benchmarks of `lime_jax` against `lime`: one command, `python -m benchmarks`."""
