"""The storage blocks: where files are, and with which credentials. Files are moved by `trees`."""

from __future__ import annotations

import asyncio
import json
import os
import re
from abc import abstractmethod
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field, SecretStr, field_validator, model_validator

from nbflow.blocks.core import Block
from nbflow.blocks.fields import SecretDict
from nbflow.exceptions import InvalidInput
from nbflow.filesystems import paths, trees
from nbflow.filesystems.trees import LocalTree, RemoteTree, Tree
from nbflow.model.names import shown
from nbflow.model.shapes import is_mapping


class FileSystem(Block):
    """Files below a place, by paths relative to it; nothing outside it can be named."""

    block_schema_capabilities: ClassVar[list[str]] = [
        "get-directory",
        "put-directory",
        "read-path",
        "write-path",
    ]

    @abstractmethod
    def tree(self) -> Tree:
        """Give the files. Raises InvalidInput (a package is missing, the place is none)."""

    def read_path(self, path: str) -> bytes:
        """Read a file. Raises InvalidInput (it leads out), NotFound, StorageFailed."""
        return trees.read(self.tree(), path)

    def write_path(self, path: str, content: bytes) -> str:
        """Write a file whole, over one that is there; give its path. Raises as `read_path`."""
        if not isinstance(content, bytes):
            message = f"{shown(content)} is not bytes."
            raise InvalidInput(message, code="storage.content", field="content")
        tree = self.tree()
        key = tree.key(path)
        tree.write(key, content)
        return key

    def get_directory(self, from_path: str | None = None, local_path: str | None = None) -> int:
        """Copy a folder to this machine; give how many files that were.

        Args:
            from_path: everything when left out.
            local_path: the working folder when left out.

        Raises as `read_path`; a name in the storage that leads out of the folder is one that does.
        """
        return trees.get_folder(self.tree(), from_path or "", Path(local_path or os.getcwd()))

    def put_directory(
        self,
        local_path: str | None = None,
        to_path: str | None = None,
        ignore_file: str | None = None,
    ) -> int:
        """Copy a folder of this machine here; give how many files that were.

        Args:
            local_path: the working folder when left out.
            to_path: the storage's own place when left out.
            ignore_file: what it names, as .gitignore would, is left out (`filesystems.ignoring`).

        Raises as `read_path`, before the first file is copied for what the folder holds.
        """
        local = Path(local_path or os.getcwd())
        return trees.put_folder(self.tree(), local, to_path or "", ignore_file=ignore_file)

    # -- without stopping the event loop ------------------------------------------------------
    async def aread_path(self, path: str) -> bytes:
        """Read a file without stopping the event loop: see `read_path`."""
        return await asyncio.to_thread(self.read_path, path)

    async def awrite_path(self, path: str, content: bytes) -> str:
        """Write a file without stopping the event loop: see `write_path`."""
        return await asyncio.to_thread(self.write_path, path, content)

    async def aget_directory(
        self, from_path: str | None = None, local_path: str | None = None
    ) -> int:
        """Copy a folder here without stopping the event loop: see `get_directory`."""
        return await asyncio.to_thread(self.get_directory, from_path, local_path)

    async def aput_directory(
        self,
        local_path: str | None = None,
        to_path: str | None = None,
        ignore_file: str | None = None,
    ) -> int:
        """Copy a folder there without stopping the event loop: see `put_directory`."""
        return await asyncio.to_thread(self.put_directory, local_path, to_path, ignore_file)


class LocalFileSystem(FileSystem):
    """Store files in a folder of this machine, or of a disk that several share."""

    _block_type_name = "Local file system"
    _block_type_slug = "local-file-system"

    basepath: str | None = Field(
        default=None, description="The folder; the working folder when left out."
    )

    def tree(self) -> Tree:
        """Give the folder's files."""
        return LocalTree(Path(self.basepath or os.getcwd()).expanduser())


class _Remote(FileSystem):
    """Files that fsspec reaches."""

    @abstractmethod
    def url(self) -> str:
        """Give the place as fsspec names it. Raises InvalidInput."""

    @abstractmethod
    def options(self) -> dict[str, Any]:
        """Give what fsspec is told besides."""

    def tree(self) -> Tree:
        """Give its files."""
        import fsspec

        url = self.url()
        protocol, _, place = url.partition("://")
        # No instance is kept: it would keep credentials, and a listing that grows old.
        options = {"use_listings_cache": False, **self.options(), "skip_instance_cache": True}
        try:
            opened = fsspec.filesystem(protocol, **options)
        except ImportError as error:
            raise _missing(protocol, error) from None
        except (TypeError, ValueError) as error:
            message = f"The storage {url} cannot be opened: {type(error).__name__}."
            hint = "See that its credentials and settings are what it takes."
            raise InvalidInput(message, code="storage.settings", hint=hint) from error
        return RemoteTree(opened, opened._strip_protocol(f"{protocol}://{place}"), shown_as=url)


class RemoteFileSystem(_Remote):
    """Store files anywhere fsspec has a protocol for.

    Of the settings those are secret whose names sound so: they are kept as `secret_settings`.
    """

    _block_type_name = "Remote file system"
    _block_type_slug = "remote-file-system"

    basepath: str = Field(description="A URL such as s3://bucket/folder or sftp://host/folder.")
    settings: dict[str, Any] = Field(
        default_factory=dict,
        description="What fsspec's implementation takes: username, port, endpoint_url …",
    )
    secret_settings: SecretDict | None = Field(
        default=None, description="And of that what nobody is to see: key, secret, password …"
    )

    @model_validator(mode="before")
    @classmethod
    def _part(cls, said: Any) -> Any:
        settings = said.get("settings") if is_mapping(said) else None
        if not is_mapping(settings):
            return said
        secret = {name: value for name, value in settings.items() if _sounds_secret(name, value)}
        if not secret:
            return said
        kept = {name: value for name, value in settings.items() if name not in secret}
        own = said.get("secret_settings") or {}
        own = own.get_secret_value() if isinstance(own, SecretDict) else own
        return {**said, "settings": kept, "secret_settings": {**own, **secret}}

    @field_validator("basepath")
    @classmethod
    def _check_basepath(cls, value: str) -> str:
        return paths.check_url(value)

    def url(self) -> str:
        """Give the URL."""
        return paths.check_url(self.basepath)

    def options(self) -> dict[str, Any]:
        """Give the settings, and of some protocols the host."""
        secret = {} if self.secret_settings is None else self.secret_settings.get_secret_value()
        said = {**self.settings, **secret}
        refused = next((name for name in said if name in _LEADING_ELSEWHERE), None)
        if refused is not None:
            message = f"The setting {refused} would lead to another storage."
            raise InvalidInput(message, code="storage.settings", field=f"settings.{refused}")
        protocol, _, place = self.url().partition("://")
        if protocol in ("sftp", "ssh", "ftp", "smb", "hdfs", "webhdfs"):
            host, _, port = place.partition("/")[0].partition(":")
            return {"host": host, **({"port": int(port)} if port else {}), **said}
        return said


_SECRET = re.compile(r"key|secret|passw|passphrase|token|credential|connection_string|sas", re.I)


def _sounds_secret(name: Any, value: Any) -> bool:
    """Say whether a setting, or one inside it, is called as secrets are."""
    inside = value.items() if is_mapping(value) else ()
    return bool(_SECRET.search(str(name))) or any(_sounds_secret(*item) for item in inside)


#: fsspec's own words, which would make the block another
_LEADING_ELSEWHERE = (
    "fo",
    "fs",
    "protocol",
    "target_protocol",
    "target_options",
    "host",
    "asynchronous",
)


class S3(_Remote):
    """Store files in a bucket of Amazon S3, or of any storage that speaks its language."""

    _block_type_name = "S3"
    _block_type_slug = "s3"

    bucket_path: str = Field(description="The bucket, and a folder in it: bucket/folder.")
    aws_access_key_id: SecretStr | None = Field(default=None, title="Access key id")
    aws_secret_access_key: SecretStr | None = Field(default=None, title="Secret access key")
    aws_session_token: SecretStr | None = Field(default=None, title="Session token")
    endpoint_url: str | None = Field(
        default=None, description="Of a storage that is not Amazon's: https://…"
    )
    region_name: str | None = Field(default=None, title="Region")

    @field_validator("bucket_path")
    @classmethod
    def _check_bucket_path(cls, value: str) -> str:
        return _bucket_path(value, "s3")

    def url(self) -> str:
        """Give the URL."""
        return f"s3://{_bucket_path(self.bucket_path, 's3')}"

    def options(self) -> dict[str, Any]:
        """Give what s3fs takes; without keys it looks where Amazon's tools do."""
        client = {} if self.region_name is None else {"region_name": self.region_name}
        return {
            "key": _plain(self.aws_access_key_id),
            "secret": _plain(self.aws_secret_access_key),
            "token": _plain(self.aws_session_token),
            "endpoint_url": self.endpoint_url,
            "client_kwargs": client,
        }


class GCS(_Remote):
    """Store files in a bucket of Google Cloud Storage."""

    _block_type_name = "GCS"
    _block_type_slug = "gcs"

    bucket_path: str = Field(description="The bucket, and a folder in it: bucket/folder.")
    service_account_info: SecretStr | None = Field(
        default=None, description="The JSON of a service account's key; else as gcloud is set up."
    )
    project: str | None = None
    endpoint_url: str | None = Field(default=None, description="Of an emulator: http://…")

    @field_validator("bucket_path")
    @classmethod
    def _check_bucket_path(cls, value: str) -> str:
        return _bucket_path(value, "gs")

    def url(self) -> str:
        """Give the URL."""
        return f"gs://{_bucket_path(self.bucket_path, 'gs')}"

    def options(self) -> dict[str, Any]:
        """Give what gcsfs takes."""
        said = _plain(self.service_account_info)
        try:
            token = None if said is None else json.loads(said)
        except ValueError:
            message = "The service account's key is not JSON."
            raise InvalidInput(
                message, code="storage.settings", field="service_account_info"
            ) from None
        options: dict[str, Any] = {"token": token, "project": self.project}
        return options if self.endpoint_url is None else {
            **options, "endpoint_url": self.endpoint_url, "token": token or "anon"
        }  # fmt: skip


class Azure(_Remote):
    """Store files in a container of Azure Blob Storage."""

    _block_type_name = "Azure"
    _block_type_slug = "azure"

    bucket_path: str = Field(description="The container, and a folder in it: container/folder.")
    azure_storage_connection_string: SecretStr | None = Field(
        default=None, title="Connection string"
    )
    azure_storage_account_name: str | None = Field(default=None, title="Account")
    azure_storage_account_key: SecretStr | None = Field(default=None, title="Account key")
    azure_storage_tenant_id: str | None = Field(default=None, title="Tenant id")
    azure_storage_client_id: str | None = Field(default=None, title="Client id")
    azure_storage_client_secret: SecretStr | None = Field(default=None, title="Client secret")

    @field_validator("bucket_path")
    @classmethod
    def _check_bucket_path(cls, value: str) -> str:
        return _bucket_path(value, "az")

    def url(self) -> str:
        """Give the URL."""
        return f"az://{_bucket_path(self.bucket_path, 'az')}"

    def options(self) -> dict[str, Any]:
        """Give what adlfs takes."""
        return {
            "connection_string": _plain(self.azure_storage_connection_string),
            "account_name": self.azure_storage_account_name,
            "account_key": _plain(self.azure_storage_account_key),
            "tenant_id": self.azure_storage_tenant_id,
            "client_id": self.azure_storage_client_id,
            "client_secret": _plain(self.azure_storage_client_secret),
        }


def _plain(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()


def _bucket_path(value: str, protocol: str) -> str:
    """Give a bucket and a folder in it; a URL of the storage's own protocol is taken, too."""
    said = paths.check_text(value, field="bucket_path")
    url = said if "://" in said else f"{protocol}://{said}"
    checked = paths.check_url(url, protocols=_PROTOCOLS_OF[protocol], field="bucket_path")
    return checked.partition("://")[2]


_PROTOCOLS_OF = {
    "s3": ("s3", "s3a"),
    "gs": ("gs", "gcs"),
    "az": ("az", "abfs", "abfss"),
}
_EXTRAS = {
    **dict.fromkeys(_PROTOCOLS_OF["s3"], "'nbflow[s3]'"),
    **dict.fromkeys(_PROTOCOLS_OF["gs"], "'nbflow[gcs]'"),
    **dict.fromkeys(_PROTOCOLS_OF["az"], "'nbflow[azure]'"),
    "sftp": "paramiko",
    "ssh": "paramiko",
    "smb": "smbprotocol",
    "hdfs": "pyarrow",
    "webhdfs": "requests",
}


def _missing(protocol: str, error: ImportError) -> InvalidInput:
    extra = _EXTRAS.get(protocol)
    return InvalidInput(
        f"Files at {protocol}:// need a package that is not installed here.",
        code="storage.package",
        hint=f"Install it: pip install {extra}." if extra else str(error)[:200],
    )
