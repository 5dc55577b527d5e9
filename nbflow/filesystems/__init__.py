"""Storage: files read, written and copied by folder, on this machine or in a remote storage.

    from nbflow.filesystems import S3
    S3(bucket_path="my-bucket/flows", aws_access_key_id="…", aws_secret_access_key="…").save("code")
    S3.load("code").write_path("a.txt", b"…")

What may be named is `paths`' business, what is left out `ignoring`'s, copying `trees`', the blocks
`storages`'.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from nbflow.exceptions import InvalidInput
from nbflow.model.names import shown

if TYPE_CHECKING:
    from nbflow.filesystems.storages import GCS as GCS
    from nbflow.filesystems.storages import S3 as S3
    from nbflow.filesystems.storages import Azure as Azure
    from nbflow.filesystems.storages import FileSystem as FileSystem
    from nbflow.filesystems.storages import LocalFileSystem as LocalFileSystem
    from nbflow.filesystems.storages import RemoteFileSystem as RemoteFileSystem

#: found by `__getattr__`, so that paths can be looked at without pydantic
__all__ = ["GCS", "S3", "Azure", "FileSystem", "LocalFileSystem", "RemoteFileSystem", "load"]


def load(reference: str) -> tuple[FileSystem, str]:
    """Load a saved storage: `TYPE/NAME`, and the folder in it, which may stand behind it.

    Raises NotFound, InvalidInput (it is a block, but no storage).
    """
    from nbflow.blocks.core import Block

    slug, _, rest = reference.partition("/")
    name, _, below = rest.partition("/")
    found = Block.load(f"{slug}/{name}")
    if not hasattr(found, "get_directory"):
        raise InvalidInput(
            f"The block {shown(f'{slug}/{name}')} is no storage.",
            code="storage.type",
            field="storage",
            hint="Storages are local-file-system, remote-file-system, s3, gcs and azure blocks.",
        )
    return found, below  # pyright: ignore[reportReturnType]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("nbflow.filesystems.storages"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
