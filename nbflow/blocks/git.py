"""A git repository whose files are fetched: one commit, no history, no submodules, no hooks."""

from __future__ import annotations

import base64
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any, ClassVar, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from nbflow.blocks.core import Block
from nbflow.exceptions import InvalidInput, NbflowError
from nbflow.model import kernel_variables, masking

_HERE = frozenset({"localhost", "127.0.0.1", "::1"})
_PLAIN = re.compile(r"[!-~]+", re.ASCII)
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|[0-9a-f:]+", re.ASCII)
_SCP = re.compile(r"([A-Za-z0-9_][\w.-]*)@([A-Za-z0-9][A-Za-z0-9.-]*):(?!-)[\w./~+-]+", re.ASCII)
_REFERENCE = re.compile(r"[A-Za-z0-9_][\w./+-]{0,254}", re.ASCII)
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_IN_REFERENCE = ("..", "//", "/.", ".lock/")


class GitFailed(NbflowError):
    """A git command failed."""

    code = "git.failed"


class GitRepository(Block):
    """A git repository: a branch, a tag or a commit of it."""

    _block_type_name: ClassVar[str | None] = "Git Repository"
    _documentation_url: ClassVar[Any] = "https://git-scm.com/docs/git-fetch"
    _code_example: ClassVar[str | None] = """
        from nbflow.blocks import GitRepository

        GitRepository.load("NAME").get_directory(local_path="code")
        """
    block_schema_capabilities: ClassVar[list[str]] = ["get-directory"]

    url: str = Field(description="https://HOST/PATH, ssh://USER@HOST/PATH or USER@HOST:PATH.")
    reference: str | None = Field(default=None, description="A branch or tag; empty: the default.")
    commit_sha: str | None = Field(default=None, description="A whole commit id, in its place.")
    username: str = Field(default="git", description="Who the token belongs to, where that counts.")
    token: SecretStr | None = Field(default=None, description="For https.")
    timeout_seconds: float = Field(default=300.0, gt=0, le=86400)

    @field_validator("url")
    @classmethod
    def _check_url(cls, value: str) -> str:
        if not _is_address(value):
            raise ValueError("it should be https://HOST/PATH, ssh://USER@HOST/PATH, USER@HOST:PATH")
        return value

    @field_validator("reference")
    @classmethod
    def _check_reference(cls, value: str | None) -> str | None:
        if value is None:
            return None
        good = _REFERENCE.fullmatch(value) and not any(part in value for part in _IN_REFERENCE)
        if not good or value.endswith((".lock", "/", ".")):
            raise ValueError("it should be a branch or a tag, as git allows them")
        return value

    @field_validator("commit_sha")
    @classmethod
    def _check_commit(cls, value: str | None) -> str | None:
        if value is not None and not _COMMIT.fullmatch(value):
            raise ValueError("it should be 40 or 64 hexadecimal digits")
        return value

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if self.reference is not None and self.commit_sha is not None:
            raise ValueError("say either reference or commit_sha")
        if self.token is not None and not self.url.startswith("http"):
            raise ValueError("a token is for https")
        return self

    def get_directory(
        self, from_path: str | None = None, local_path: str | os.PathLike[str] | None = None
    ) -> str:
        """Fetch the files, without their history; give the commit they are of.

        Args:
            from_path: a folder of the repository; left out: all of it.
            local_path: where they are put, over what is there; left out: the working folder.

        Links that lead out of the repository are left out. Raises GitFailed, InvalidInput.
        """
        with tempfile.TemporaryDirectory(prefix="nbflow-git-") as made:
            folder = Path(made).resolve()
            self._git(folder, "init", "--quiet")
            what = self.commit_sha or self.reference or "HEAD"
            self._git(
                folder, "fetch", "--quiet", "--depth=1", "--no-tags", "--no-recurse-submodules",
                "--end-of-options", self.url, what,
            )  # fmt: skip
            self._git(folder, "checkout", "--quiet", "--detach", "FETCH_HEAD")
            commit = self._git(folder, "rev-parse", "HEAD").strip()
            _copy(folder, _inside(folder, from_path), Path(local_path or "."))
        return commit

    def _git(self, folder: Path, *words: str) -> str:
        command = ["git", "-C", str(folder), *words]
        try:
            done = subprocess.run(
                command, env=self._environment(), stdin=subprocess.DEVNULL, capture_output=True,
                check=False, timeout=self.timeout_seconds,
            )  # fmt: skip
        except FileNotFoundError:
            raise GitFailed("There is no program git here.", code="git.missing") from None
        except subprocess.TimeoutExpired:
            message = f"git {words[0]} of {self.url} took more than {self.timeout_seconds:g} s."
            raise GitFailed(message, code="git.timeout") from None
        if done.returncode:
            told = masking.mask(done.stderr.decode("utf-8", "replace").strip())
            raise GitFailed(f"git {words[0]} of {self.url} failed: {told[-1000:]}")
        return done.stdout.decode("utf-8", "replace")

    def _environment(self) -> dict[str, str]:
        """Give git's environment: what it may do, and the token, which no other user can read."""
        said = {
            "protocol.allow": "never",
            "protocol.https.allow": "always",
            "protocol.ssh.allow": "always",
            "http.followRedirects": "false",
            "core.hooksPath": os.devnull,
            "submodule.recurse": "false",
        }
        if self.url.startswith("http://"):  # this machine only
            said["protocol.http.allow"] = "always"
        if self.token is not None:
            secret = self.token.get_secret_value()
            masking.register_within(secret)
            both = base64.b64encode(f"{self.username}:{secret}".encode()).decode()
            masking.register_within(both)
            said["http.extraHeader"] = f"Authorization: Basic {both}"
        numbered = {"GIT_CONFIG_COUNT": str(len(said))}
        for number, (name, value) in enumerate(said.items()):
            numbered |= {f"GIT_CONFIG_KEY_{number}": name, f"GIT_CONFIG_VALUE_{number}": value}
        plain = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("GIT_") and not kernel_variables.withheld(name)
        }
        return {**plain, "GIT_TERMINAL_PROMPT": "0", **numbered}


def _is_address(text: str) -> bool:
    if not _PLAIN.fullmatch(text):
        return False
    if _SCP.fullmatch(text):
        return True
    try:
        parts = urlsplit(text)
        host = parts.hostname or ""
        port = parts.port
    except ValueError:
        return False
    if not _HOST.fullmatch(host) or port == 0 or not parts.path.strip("/") or parts.fragment:
        return False
    if parts.scheme == "ssh":
        return not (parts.username or "x").startswith("-") and parts.password is None
    known = parts.scheme == "https" or (parts.scheme == "http" and host in _HERE)
    return known and parts.username is None and parts.password is None


def _inside(folder: Path, path: str | None) -> Path:
    """Give a folder of the repository. Raises InvalidInput: it is none, or lies outside."""
    found = (folder / (path or ".")).resolve()
    if not found.is_relative_to(folder) or not found.is_dir() or ".git" in found.parts:
        message = f"The repository has no folder {path!r}."
        raise InvalidInput(message, code="git.folder", field="from_path")
    return found


def _copy(root: Path, source: Path, target: Path) -> None:
    def left_out(folder: str, names: list[str]) -> list[str]:
        links = [name for name in names if Path(folder, name).is_symlink()]
        out = [n for n in links if not Path(folder, n).resolve().is_relative_to(root)]
        return [*out, *(name for name in names if name == ".git")]

    shutil.copytree(source, target, symlinks=False, ignore=left_out, dirs_exist_ok=True)
