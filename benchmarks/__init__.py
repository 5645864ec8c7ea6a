"""Benchmarks: `python -m benchmarks NAME [--rows N]` prints what it measured; none is a test."""
