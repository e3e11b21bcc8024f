"""Measures the service beside its peers and its own ceilings: `python -m benchmarks --help`."""
