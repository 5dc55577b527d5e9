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
    from nbflow.blocks.databases import SqlAlchemyCredentials as SqlAlchemyCredentials
    from nbflow.blocks.fields import SecretDict as SecretDict
    from nbflow.blocks.git import GitRepository as GitRepository
    from nbflow.blocks.interfaces import CredentialsBlock as CredentialsBlock
    from nbflow.blocks.interfaces import DatabaseBlock as DatabaseBlock
    from nbflow.blocks.interfaces import JobBlock as JobBlock
    from nbflow.blocks.interfaces import JobRun as JobRun
    from nbflow.blocks.interfaces import ObjectStorageBlock as ObjectStorageBlock
    from nbflow.blocks.interfaces import SecretBlock as SecretBlock
    from nbflow.blocks.values import JSON as JSON
    from nbflow.blocks.values import DateTime as DateTime
    from nbflow.blocks.values import Secret as Secret
    from nbflow.blocks.values import String as String

_WHERE = {
    "Block": "nbflow.blocks.core",
    "CredentialsBlock": "nbflow.blocks.interfaces",
    "DatabaseBlock": "nbflow.blocks.interfaces",
    "DateTime": "nbflow.blocks.values",
    "GitRepository": "nbflow.blocks.git",
    "JSON": "nbflow.blocks.values",
    "JobBlock": "nbflow.blocks.interfaces",
    "JobRun": "nbflow.blocks.interfaces",
    "ObjectStorageBlock": "nbflow.blocks.interfaces",
    "Secret": "nbflow.blocks.values",
    "SecretBlock": "nbflow.blocks.interfaces",
    "SecretBytes": "pydantic",
    "SecretDict": "nbflow.blocks.fields",
    "SecretStr": "pydantic",
    "SqlAlchemyCredentials": "nbflow.blocks.databases",
    "String": "nbflow.blocks.values",
}

__all__ = [
    "JSON",
    "Block",
    "CredentialsBlock",
    "DatabaseBlock",
    "DateTime",
    "GitRepository",
    "JobBlock",
    "JobRun",
    "ObjectStorageBlock",
    "Secret",
    "SecretBlock",
    "SecretBytes",
    "SecretDict",
    "SecretStr",
    "SqlAlchemyCredentials",
    "String",
]


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_WHERE[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_WHERE})
