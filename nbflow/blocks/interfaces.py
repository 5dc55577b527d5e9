"""What blocks of a kind can do: abstract classes, which say so to whoever chooses a block.

A class made from one is a block type; a field typed with one takes every block that can do it.
Blocks that notify have theirs in `nbflow.notifications`.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, ClassVar

from nbflow.blocks.core import Block


class CredentialsBlock(Block):
    """Signs in somewhere."""

    block_schema_capabilities: ClassVar[list[str]] = ["get-client"]

    @abstractmethod
    def get_client(self, *args: Any, **options: Any) -> Any:
        """Give a client that is signed in."""


class SecretBlock(Block):
    """Keeps a secret elsewhere, in a service for secrets."""

    block_schema_capabilities: ClassVar[list[str]] = ["read-secret", "write-secret"]

    @abstractmethod
    def read_secret(self) -> bytes:
        """Give the secret."""

    @abstractmethod
    def write_secret(self, secret_data: bytes) -> str:
        """Set the secret; give its key."""


class DatabaseBlock(Block):
    """Asks a database. Parameters are bound, never put into the text."""

    block_schema_capabilities: ClassVar[list[str]] = ["execute", "fetch"]

    @abstractmethod
    def fetch_one(
        self, operation: str, parameters: Mapping[str, Any] | None = None
    ) -> tuple[Any, ...] | None:
        """Give the first row of a query; None: there is none."""

    @abstractmethod
    def fetch_many(
        self, operation: str, parameters: Mapping[str, Any] | None = None, size: int = 1
    ) -> list[tuple[Any, ...]]:
        """Give at most `size` rows of a query."""

    @abstractmethod
    def fetch_all(
        self, operation: str, parameters: Mapping[str, Any] | None = None
    ) -> list[tuple[Any, ...]]:
        """Give all rows of a query."""

    @abstractmethod
    def execute(self, operation: str, parameters: Mapping[str, Any] | None = None) -> None:
        """Carry out a statement, and commit."""

    @abstractmethod
    def execute_many(self, operation: str, seq_of_parameters: Sequence[Mapping[str, Any]]) -> None:
        """Carry out a statement for each of some parameters, and commit once."""


class JobRun(ABC):
    """A job that was started elsewhere: what `JobBlock.trigger` gives. It is no block."""

    @abstractmethod
    def wait_for_completion(self) -> Any:
        """Wait until it has ended. Raises what says how it failed."""

    @abstractmethod
    def fetch_result(self) -> Any:
        """Give what came of it."""

    async def await_for_completion(self) -> Any:
        """Wait without stopping the event loop: see `wait_for_completion`."""
        return await asyncio.to_thread(self.wait_for_completion)

    async def afetch_result(self) -> Any:
        """Fetch without stopping the event loop: see `fetch_result`."""
        return await asyncio.to_thread(self.fetch_result)


class JobBlock(Block):
    """Starts a job elsewhere: a query, a build, another tool's flow.

    run = Build.load("nightly").trigger()
    run.wait_for_completion()
    run.fetch_result()
    """

    block_schema_capabilities: ClassVar[list[str]] = ["trigger"]

    @abstractmethod
    def trigger(self) -> JobRun:
        """Start the job; do not wait for it."""

    async def atrigger(self) -> JobRun:
        """Start the job without stopping the event loop: see `trigger`."""
        return await asyncio.to_thread(self.trigger)


class ObjectStorageBlock(Block):
    """Keeps objects: files and folders of a store."""

    block_schema_capabilities: ClassVar[list[str]] = ["download-object", "upload-object"]

    @abstractmethod
    def download_object_to_path(self, from_path: str, to_path: str | Path) -> Path:
        """Copy an object into a file."""

    @abstractmethod
    def download_object_to_file_object(self, from_path: str, to_file_object: BinaryIO) -> BinaryIO:
        """Copy an object into an open file."""

    @abstractmethod
    def download_folder_to_path(self, from_folder: str, to_folder: str | Path) -> Path:
        """Copy a folder's objects into a folder."""

    @abstractmethod
    def upload_from_path(self, from_path: str | Path, to_path: str) -> str:
        """Copy a file to an object; give the object's path."""

    @abstractmethod
    def upload_from_file_object(self, from_file_object: BinaryIO, to_path: str) -> str:
        """Copy an open file to an object; give the object's path."""

    @abstractmethod
    def upload_from_folder(self, from_folder: str | Path, to_folder: str) -> str:
        """Copy a folder's files to objects; give their folder."""
