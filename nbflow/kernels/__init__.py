"""Kernels that start at once, and kernels that stay: forked, parked, kept after a failure.

Names are loaded from their modules: `forking` (children of a single-threaded parent) and what is
built on it. `zygote` and `kernel_child` run in other interpreters and import nothing of nbflow.
"""
