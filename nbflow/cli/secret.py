"""`nbflow secret …`: blocks of the type Secret by name, and the keys that encrypt all secrets."""

from __future__ import annotations

import json
import os
import sys
from getpass import getpass
from typing import Any

from nbflow import settings
from nbflow.cli import printing
from nbflow.cli.parsing import OUTPUT, argument, takes
from nbflow.connect import connect
from nbflow.exceptions import InvalidInput, MalformedRequest
from nbflow.model import masking
from nbflow.model.blocks import BlockDocument, NewBlock
from nbflow.model.pages import Page, every

NAME = argument("name", metavar="NAME", help="lower-case letters, digits, dashes")
_TYPE = "secret"


@takes(OUTPUT)
def ls(*, output: str) -> None:
    """List secrets by name; no value is told."""
    backend = connect()

    def pages(**place: Any) -> Page[BlockDocument]:
        return backend.list_blocks(type_slug=_TYPE, **place)

    found = tuple(every(pages))
    if output == "json":
        printing.as_json(found)
        return
    printing.columns(
        ("secret", "set"),
        ((str(one.name), printing.instant(one.updated_at)) for one in found),
        none="There are no secrets. `nbflow secret set NAME` keeps one.",
    )


@takes(
    NAME,
    argument("--from-env", default=None, metavar="VARIABLE", help="read it from this variable"),
    argument("--json", action="store_true", help="it is JSON, not text"),
    argument("--overwrite", action="store_true", help="also when it is there already"),
    OUTPUT,
)
def set(*, name: str, from_env: str | None, json: bool, overwrite: bool, output: str) -> None:
    """Keep a secret, encrypted. It is asked for, or read from standard input, never an argument."""
    text = _said(name, from_env)
    masking.register_within(text)
    value = _parsed(text) if json else text
    kept = connect().save_block(NewBlock(_TYPE, name, {"value": value}, overwrite=overwrite))
    if output == "json":
        printing.as_json(kept)
        return
    print(f"{name}: kept, encrypted.")


@takes(NAME, OUTPUT)
def get(*, name: str, output: str) -> None:
    """Print a secret: text as it is, anything else as JSON. That it was opened is an event."""
    value = connect().open_block(f"{_TYPE}/{name}").document.data["value"]
    plain = isinstance(value, str) and output == "text"
    print(value if plain else json.dumps(value, ensure_ascii=False))


@takes(NAME, OUTPUT)
def delete(*, name: str, output: str) -> None:
    """Delete a secret that no block refers to."""
    connect().delete_block(f"{_TYPE}/{name}")
    if output == "json":
        printing.as_json({"deleted": name})
        return
    print(f"{name}: deleted.")


@takes(
    argument("--finish", action="store_true", help="the store takes the old keys no longer"),
    argument("--without-lost", action="store_true",
             help="also where all the store's keys are lost: a new one is taken, and what they "
                  "encrypted can be set anew"),
    OUTPUT,
)  # fmt: skip
def rotate(*, finish: bool, without_lost: bool, output: str) -> None:
    """Encrypt all secrets with a new key. Interrupted, it loses nothing: do it again."""
    from nbflow.orchestration import key_rotation
    from nbflow.orchestration.orchestrator import Orchestrator

    backend = connect()
    if not isinstance(backend, Orchestrator):
        raise InvalidInput(
            "Keys are changed where the store is, not through a server.",
            code="secret.elsewhere",
            hint=f"Do it on the machine of {settings.api_url}, without NBFLOW_API_URL.",
        )
    done = key_rotation.rotate(backend.database, finish=finish, without_lost=without_lost)
    if output == "json":
        printing.as_json(done)
        return
    print(f"The key {done.key_id} encrypts all secrets; {done.encrypted} blocks were changed.")
    for key_id in done.lost:
        print(f"The key {key_id} is not here: what it encrypts stayed as it was.")
    if done.unread:
        print(f"Set these anew: {', '.join(done.unread)}. No key here decrypts their secrets.")
    if done.retired:
        print(f"The store takes {', '.join(done.retired)} no longer.")
    if done.kept_in:
        print(f"{done.kept_in} has the old keys: delete it once no other store needs them.")
    elif not finish and not done.unread:
        print("`nbflow secret rotate --finish` lets go of the old keys.")


@takes(OUTPUT)
def new_key(*, output: str) -> None:
    """Print a new key, for NBFLOW_SECRET_KEYS."""
    from nbflow.store import secret_keys

    text = secret_keys.new_text()
    if output == "json":
        printing.as_json({"key": text})
        return
    print(text)


def _said(name: str, variable: str | None) -> str:
    if variable is not None:
        if variable not in os.environ:
            message = f"There is no environment variable {variable}."
            raise InvalidInput(message, code="secret.variable", field="from_env")
        return os.environ[variable]
    if sys.stdin is not None and not sys.stdin.isatty() and "ipykernel" not in sys.modules:
        return sys.stdin.read().rstrip("\n")
    return getpass(f"{name}: ")


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise MalformedRequest("The secret is no JSON.", code="secret.json") from None
