"""A script whose flow does nothing."""

from __future__ import annotations

from prefect import flow


@flow
def nothing():
    return None


nothing()
