"""Blocks: typed configuration that is saved by name, its secrets encrypted.

    from nbflow.blocks import Block, SecretStr
    class Weather(Block):
        _block_type_name = "Weather service"
        address: str
        token: SecretStr
    Weather(address="https://…", token="…").save("main")
    Weather.load("main").token.get_secret_value()

A block is a pydantic model. Types of other packages join by the entry point group `nbflow.blocks`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import SecretBytes as SecretBytes
    from pydantic import SecretStr as SecretStr

    from nbflow.blocks.core import Block as Block
    from nbflow.blocks.fields import SecretDict as SecretDict

_WHERE = {
    "Block": "nbflow.blocks.core",
    "SecretBytes": "pydantic",
    "SecretDict": "nbflow.blocks.fields",
    "SecretStr": "pydantic",
}

__all__ = ["Block", "SecretBytes", "SecretDict", "SecretStr"]


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_WHERE[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_WHERE})
