"""Measurements of nbflow beside its peers; `python -m benchmarks` runs them."""
