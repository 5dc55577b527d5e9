"""Tokens: what opens a part of the API to a worker, or to the processes of one attempt of a run.

A token is a secret that is shown once; only its digest is kept. What each kind opens is written
beside the routes (`nbflow_jupyter.routes`) and checked in `nbflow_jupyter.tokens`.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from nbflow.model.pages import MOST_ROWS, Page

TokenKind = Literal["worker", "run"]

#: how a secret begins: so it is told from a Jupyter token, and found where it should not be
PREFIXES: dict[TokenKind, str] = {"worker": "nbfw_", "run": "nbfr_"}


@dataclass(frozen=True)
class Token:
    """What is known of a token.

    Attributes:
        kind: `worker`: it claims runs of a pool and reports on them; `run`: it belongs to the
            processes of one attempt of a run, and is dead when that ends.
        work_pool: the only pool a worker's token serves; None: any.
        used_at: when it was last seen, to the minute.
    """

    id: str
    name: str
    kind: TokenKind
    created_at: datetime
    work_pool: str | None = None
    flow_run_id: str | None = None
    attempt: int | None = None
    created_by: str | None = None
    expires_at: datetime | None = None
    used_at: datetime | None = None
    revoked_at: datetime | None = None

    def open(self, now: datetime) -> bool:
        """Say whether it opens anything now."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


@dataclass(frozen=True)
class NewToken:
    """What is said to make a worker's token.

    Attributes:
        name: what people call it; of the tokens in use no other has it.
        work_pool: the only pool it serves; null: any.
        expires_at: when it ends; null: never.
    """

    name: str
    work_pool: str | None = None
    expires_at: datetime | None = None
    created_by: str | None = None


@dataclass(frozen=True)
class MadeToken:
    """A token that was just made. `secret` is shown this once."""

    token: Token
    secret: str


class Tokens(Protocol):
    """The part of the Backend that keeps tokens."""

    def create_token(self, new: NewToken) -> MadeToken:
        """Make a worker's token. Raises InvalidInput, Conflict (the name is in use)."""
        ...

    def create_run_token(self, flow_run_id: str, attempt: int) -> MadeToken:
        """Make the token of an attempt's processes. Raises NotFound, Conflict (it has ended)."""
        ...

    def list_tokens(self, *, limit: int = MOST_ROWS, cursor: str | None = None) -> Page[Token]:
        """List workers' tokens, newest first, those that open nothing any more, too."""
        ...

    def revoke_token(self, name_or_id: str) -> Token:
        """Revoke a worker's token: from now on it opens nothing. Raises NotFound."""
        ...


def new_secret(kind: TokenKind) -> str:
    """Give a new secret: 256 random bits."""
    return PREFIXES[kind] + secrets.token_urlsafe(32)


def digest(secret: str) -> str:
    """Give what is kept of a secret."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def presented(header: str) -> str | None:
    """Give the nbflow token in an Authorization header; None: there is none of ours in it."""
    scheme, _, secret = header.strip().partition(" ")
    secret = secret.strip()
    ours = secret.startswith(tuple(PREFIXES.values()))
    return secret if ours and scheme.lower() in ("bearer", "token") else None
