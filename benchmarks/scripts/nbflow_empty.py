"""A script whose flow does nothing."""

from __future__ import annotations

from nbflow import flow


@flow
def nothing():
    return None


nothing()
