"""What a kernel tells its executor about secrets: their values, to be masked in outputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nbflow.model import masking

#: the type of the message
MESSAGE = "nbflow_secrets"


def content(secrets: frozenset[str]) -> dict[str, Any]:
    """Give the content of the message."""
    return {"values": sorted(secrets)}


def take(content: Mapping[str, Any]) -> None:
    """Register what a message tells."""
    masking.register_within(content.get("values"))
