"""A script whose flow does nothing. Usage: flow_empty.py nbflow|prefect."""

from __future__ import annotations

import importlib
import sys

flow = importlib.import_module(sys.argv[1]).flow


@flow
def nothing():
    return None


nothing()
