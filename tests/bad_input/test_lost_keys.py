"""Blocks no key decrypts: nothing is written, and it is said what to do (rows 317, 318)."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nbflow.model.blocks import NewBlock
from nbflow.store import secret_keys

GONE, ANOTHER, NONE, LEGIBLE = "", secret_keys.new_text(), "no key", "legible"


def saved(row: int, what: str, key: str, code: str, **said: Any) -> dict[str, Any]:
    """A row of a secret that is saved while the key file holds something else."""
    data = {"value": "opensesame"}
    return {
        "row": row,
        "what": what,
        "key": key,
        "rest": ("POST", "blocks", {"type_slug": "secret", "name": "x", "data": data}),
        "cli": ["secret", "set", "x", "--from-env", "NBFLOW_SECRET_KEY_FILE"],
        "python": lambda backend: backend.save_block(NewBlock("secret", "x", data)),
        "status": 409,
        "code": code,
        **said,
    }


def opened(row: int, what: str, key: str, code: str, **said: Any) -> dict[str, Any]:
    """A row of a secret that is opened while the key file holds something else."""
    return {
        **saved(row, what, key, code, **said),
        "rest": ("POST", "blocks/secret%2Fkept/open", {}),
        "cli": ["secret", "get", "kept"],
        "python": lambda backend: backend.open_block("secret/kept"),
    }


ROWS = [
    make(row, f"{word} while {what}", key, code, **said)
    for row, word, make in ((317, "saved", saved), (318, "opened", opened))
    for what, key, code, said in (
        ("the key file is gone", GONE, "secret.key_lost", {"hint": "--without-lost"}),
        ("the key is another", ANOTHER, "secret.key_lost", {"hint": "Put it back into"}),
        ("the key is none", NONE, "secret.key_invalid", {"status": 422, "hint": "new-key"}),
        ("others may read the key", LEGIBLE, "secret.key_open", {"hint": "chmod 600"}),
    )
]


@pytest.fixture(autouse=True)
def _key(asking: object, _store: object, request: pytest.FixtureRequest) -> Iterator[None]:
    """Have the key file hold what the row says; put it back."""
    file = Path(os.environ["NBFLOW_SECRET_KEY_FILE"])
    whole, key = file.read_text(), request.node.callspec.params["refused"][0]["key"]
    if key == GONE:
        file.unlink()
    elif key == LEGIBLE:
        file.chmod(0o644)
    else:
        file.write_text(key)
    yield
    file.write_text(whole)
    file.chmod(0o600)


def test_is_refused(refused: Callable[[], None]) -> None:
    refused()
