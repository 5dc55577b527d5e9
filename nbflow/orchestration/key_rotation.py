"""A new key for the secrets of a store. Interrupted anywhere, nothing is lost: do it again.

The new key is written before anything is encrypted with it; each batch is one transaction; the old
ones stay until `finish`, and then go into a file beside, because other stores may have them too.
What no key here decrypts stays as it is, and is named.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from nbflow.exceptions import Conflict, InvalidInput
from nbflow.faults import fault
from nbflow.model import clock
from nbflow.model.events import Event
from nbflow.store import blocks, events, secret_keys
from nbflow.store.blocks import Locked
from nbflow.store.database import Database
from nbflow.store.secret_keys import Key

#: documents of one transaction
_BATCH = 100


@dataclass(frozen=True)
class Rotated:
    """What came of a rotation.

    Attributes:
        key_id: the key that encrypts everything now.
        encrypted: how many blocks were encrypted again.
        lost: ids of keys that are not here; what they encrypt stays as it is.
        unread: the blocks whose secrets are under such a key, or damaged.
        retired: ids of the keys the store takes no longer.
        kept_in: the file that has them still, if one has.
    """

    key_id: str
    encrypted: int
    lost: tuple[str, ...] = ()
    retired: tuple[str, ...] = ()
    kept_in: str | None = None
    unread: tuple[str, ...] = ()


def rotate(database: Database, *, finish: bool = False, without_lost: bool = False) -> Rotated:
    """Encrypt all secrets with a new key; `finish`: have the store take the old ones no longer.

    With `NBFLOW_SECRET_KEYS` the new key is its first. Without: one is made, unless an earlier
    rotation was interrupted or is not finished, which then goes on.

    Args:
        without_lost: also where every key of the store's is lost: the new one is taken on, and the
            blocks of the old ones can be set anew.

    Raises Conflict: no key here is the store's; `finish` while something is under an old key.
    """
    with database.read() as connection:
        known = secret_keys.in_use(connection)
    if not finish:
        _make_new(known, without_lost)
    with database.write() as connection:
        key = secret_keys.for_writing(connection, without_lost=without_lost)
        fault("rotate.key_taken")
    done, unread = _encrypt_all(database, key)
    if not finish:
        here = {one.id for one in secret_keys.here()}
        lost = {one.key_id for one in unread} - here
        with database.write() as connection:
            _emit(connection, "rotated", key, {"encrypted": done, "lost": sorted(lost)})
        names = tuple(one.label for one in unread)
        return Rotated(key.id, done, tuple(sorted(lost)), unread=names)
    return _finish(database, key, done)


def _make_new(known: list[str], without_lost: bool) -> None:
    mine = secret_keys.here()
    if not any(key.id in known for key in mine):
        if not mine or not known or without_lost:
            return  # the first key is as good as new
        raise secret_keys.lost(known[0], "Nothing was changed.")
    if [mine[0].id] != known:
        return  # it goes on
    if not secret_keys.are_ours():
        raise InvalidInput(
            "NBFLOW_SECRET_KEYS begins with the key that is in use.",
            code="secret.key_old",
            field="NBFLOW_SECRET_KEYS",
            hint="Put a new one before it, a comma between: `nbflow secret new-key` makes one.",
        )
    secret_keys.write([secret_keys.key_of(secret_keys.new_text()), *mine])
    fault("rotate.key_written")


def _encrypt_all(database: Database, key: Key) -> tuple[int, list[Locked]]:
    """Encrypt what can be decrypted; give how many blocks that were, and those it was not."""
    done, after, unread = 0, "", list[Locked]()
    while True:
        with database.write() as connection:
            found = blocks.under_other_keys(connection, key.id, after=after, limit=_BATCH)
            for one in found:
                try:
                    done += blocks.encrypt_again(connection, one, key)
                except Conflict:  # its key is lost, or it is damaged: the others go on
                    unread.append(one)
            if found:
                fault("rotate.before_commit")
        if not found:
            return done, unread
        fault("rotate.after_commit")
        after = found[-1].id


def _finish(database: Database, key: Key, done: int) -> Rotated:
    with database.write() as connection:
        old = _still_used(connection, key)
        secret_keys.forget(connection, old)
        _emit(connection, "retired", key, {"retired": old})
    fault("rotate.forgotten")
    kept_in = secret_keys.retire(key) if secret_keys.are_ours() else None
    return Rotated(key.id, done, retired=tuple(old), kept_in=kept_in)


def _emit(connection: sa.Connection, verb: str, key: Key, told: dict[str, Any]) -> None:
    """Append the event of a rotation; ids of keys are no secrets."""
    event = Event(f"secret-key.{verb}", "secret-keys", key.id, clock.now(), told)
    events.append(connection, [event])


def _still_used(connection: sa.Connection, key: Key) -> list[str]:
    """Give the old keys. Raises Conflict while one encrypts something."""
    found = blocks.under_other_keys(connection, key.id, after="", limit=_BATCH)
    if found:
        raise Conflict(
            f"No key here decrypts the secrets of {', '.join(one.label for one in found[:10])}.",
            code="secret.key_used",
            hint=f"Bring the key {found[0].key_id} back, or set those secrets anew or delete the "
            "blocks; then finish.",
        )
    return [one for one in secret_keys.in_use(connection) if one != key.id]
