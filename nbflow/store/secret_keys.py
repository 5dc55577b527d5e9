"""The keys of secrets: where they come from, which of them a store knows. Never in the database.

`NBFLOW_SECRET_KEYS` (newest first, commas between), else the key file (one a line, newest first;
made when a secret is first kept), else, where chosen, the system's keyring. The table `secret_key`
holds for each key that is in use what it must decrypt to be the one it says it is.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from nbflow import settings
from nbflow.exceptions import Conflict, InvalidInput, NbflowError
from nbflow.faults import fault
from nbflow.model import clock
from nbflow.store.block_tables import block_document, secret_key

#: under which the system's keyring keeps them
SERVICE = "nbflow"
_CHECK = "nbflow key "


@dataclass(frozen=True)
class Key:
    """A key: its id, which is no secret, and its text, which is one."""

    id: str
    text: str

    def encrypt(self, plain: str) -> str:
        """Encrypt a text."""
        return _fernet(self.text).encrypt(plain.encode()).decode()

    def decrypt(self, token: str, *, of: str = "this store") -> str:
        """Decrypt a text of a block. Raises Conflict: it is damaged, or of another key."""
        from cryptography.fernet import InvalidToken

        try:
            return _fernet(self.text).decrypt(token.encode()).decode()
        except (InvalidToken, UnicodeDecodeError):
            raise Conflict(
                f"A secret of {of} is damaged: the key {self.id} does not decrypt it.",
                code="secret.damaged",
                hint="Set it anew (overwrite), or restore the database from a backup.",
            ) from None


def new_text() -> str:
    """Make a key."""
    from cryptography.fernet import Fernet

    return Fernet.generate_key().decode()


def here() -> tuple[Key, ...]:
    """Give the keys this process has, newest first; none before the first is made."""
    if settings.secret_keys:
        return tuple(_keys(settings.secret_keys.split(","), "NBFLOW_SECRET_KEYS"))
    if settings.secret_keyring:
        return tuple(_keys(_in_keyring("keys").split(), "the keyring"))
    path = key_file()
    return tuple(_keys(_read(path).split(), str(path)))


def key_file() -> Path:
    """Give the path of the key file."""
    return Path(settings.secret_key_file).expanduser().absolute()


def for_writing(connection: sa.Connection, *, without_lost: bool = False) -> Key:
    """Give the key that encrypts what is written now.

    A key is taken on when none is in use yet, or beside one that is: who holds both is no stranger;
    `without_lost`: any. Raises Conflict when no key here is one of the store's.
    """
    known, mine = in_use(connection), here()
    if not mine and (without_lost or not known):
        mine = (_first(),)
    if known and not without_lost and not any(key.id in known for key in mine):
        raise lost(known[0], "Nothing was written.")
    newest = mine[0]
    if newest.id not in known:
        _admit(connection, newest)
    return newest


def of_id(key_id: str) -> Key:
    """Give a key by its id. Raises Conflict: it is not here."""
    found = next((key for key in here() if key.id == key_id), None)
    if found is None:
        raise lost(key_id)
    return found


def lost(key_id: str, what: str = "What it encrypted cannot be read.") -> NbflowError:
    """Make the error of a key that is not here."""
    if settings.secret_keys:
        hint = "Add it to NBFLOW_SECRET_KEYS."
    elif settings.secret_keyring:
        hint = "Add it to the keyring."
    else:
        hint = f"Put it back into {key_file()}, or set NBFLOW_SECRET_KEYS."
    hint += " If it is gone for good: `nbflow secret rotate --without-lost`, and set them anew."
    message = f"The key {key_id} of this store's secrets is not here. {what}"
    return Conflict(message, code="secret.key_lost", hint=hint)


def in_use(connection: sa.Connection) -> list[str]:
    """Give the ids of the store's keys, newest first."""
    by = (secret_key.c.created_at.desc(), secret_key.c.id)
    return list(connection.execute(sa.select(secret_key.c.id).order_by(*by)).scalars())


def forget(connection: sa.Connection, ids: Iterable[str]) -> None:
    """Let the store take keys no longer. Raises Conflict while they encrypt something."""
    for key_id in ids:
        asked = sa.select(block_document.c.id).where(block_document.c.key_id == key_id).limit(1)
        if connection.execute(asked).first() is not None:
            raise Conflict(f"The key {key_id} still encrypts secrets.", code="secret.key_used")
        connection.execute(secret_key.delete().where(secret_key.c.id == key_id))


def check(connection: sa.Connection) -> tuple[str, ...]:
    """Give the ids of the store's keys that are not here. Raises Conflict: one is another's."""
    mine = {key.id: key for key in here()}
    for row in connection.execute(sa.select(secret_key)).mappings():
        key = mine.get(row["id"])
        if key is not None and key.decrypt(row["check_value"]) != _CHECK + key.id:
            raise Conflict(f"The key {key.id} is not this store's.", code="secret.key_wrong")
    return tuple(key_id for key_id in in_use(connection) if key_id not in mine)


def write(keys: Sequence[Key]) -> None:
    """Write the keys where they are kept, newest first, whole or not at all."""
    text = "\n".join(key.text for key in keys) + "\n"
    if settings.secret_keyring:
        _to_keyring("keys", text)
        return
    _replace(key_file(), text)


def are_ours() -> bool:
    """Say whether nbflow keeps the keys itself; else somebody sets them."""
    return not settings.secret_keys


def retire(newest: Key) -> str | None:
    """Take all keys but one from where they are kept; give where they are from now on."""
    old = [key.text for key in here() if key.id != newest.id]
    if not old:
        return None
    where = _keep_retired(old)
    fault("rotate.retired")
    write([newest])
    return where


def _keep_retired(old: list[str]) -> str:
    if settings.secret_keyring:
        texts = dict.fromkeys([*_in_keyring("retired").split(), *old])
        _to_keyring("retired", "\n".join(texts))
        return f"The keyring's entry {SERVICE}/retired"
    path = key_file()
    beside = path.with_name(f"{path.name}.retired")
    before = [key.text for key in _keys(_read(beside).split(), str(beside))]
    _replace(beside, "\n".join(dict.fromkeys([*before, *old])) + "\n")
    return str(beside)


def key_of(text: str) -> Key:
    """Give a key from its text. Raises InvalidInput."""
    return next(iter(_keys([text], "this text")))


def _admit(connection: sa.Connection, key: Key) -> None:
    values = {
        "id": key.id,
        "check_value": key.encrypt(_CHECK + key.id),
        "created_at": clock.micros(clock.now()),
    }
    connection.execute(secret_key.insert(), values)


def _first() -> Key:
    """Make the first key, unless another process just did."""
    if settings.secret_keyring:
        write([key := key_of(new_text())])
        return key
    path = key_file()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Whole at once, and only if there is none: a link does not replace.
    beside = path.with_name(f"{path.name}.{os.getpid()}.new")
    _write_private(beside, new_text() + "\n")
    try:
        os.link(beside, path)
    except FileExistsError:
        pass
    finally:
        beside.unlink()
    return here()[0]


def _replace(path: Path, text: str) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    beside = path.with_name(f"{path.name}.{os.getpid()}.new")
    _write_private(beside, text)
    os.replace(beside, path)


def _write_private(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(file, "w") as opened:
        opened.write(text)
        opened.flush()
        os.fsync(opened.fileno())


def _read(path: Path) -> str:
    try:
        found = path.stat()
        if stat.S_IMODE(found.st_mode) & 0o077:
            raise Conflict(
                f"The key file {path} may be read by others.",
                code="secret.key_open",
                hint=f"chmod 600 {path}",
            )
        return path.read_text("ascii")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        message = f"The key file {path} cannot be read: {error}."
        raise Conflict(message, code="secret.key_unreadable") from None


def _keys(texts: Iterable[str], where: str) -> Iterable[Key]:
    said = [text.strip() for text in texts if text.strip()]
    for number, text in enumerate(said, 1):
        try:
            _fernet(text)
        except ValueError:
            raise InvalidInput(
                f"Key {number} in {where} is no key.",
                code="secret.key_invalid",
                field="NBFLOW_SECRET_KEYS",
                hint="A key is 32 bytes in URL-safe base64: `nbflow secret new-key` makes one.",
            ) from None
        yield Key(hashlib.sha256(text.encode()).hexdigest()[:16], text)


def _fernet(text: str) -> Any:
    from cryptography.fernet import Fernet

    return Fernet(text)


def _in_keyring(entry: str) -> str:
    """Give an entry of the keyring; empty: there is none. Raises InvalidInput, Conflict."""
    keyring = _keyring()
    try:
        return keyring.get_password(SERVICE, entry) or ""
    except keyring.errors.KeyringError as error:
        raise _closed(error) from None


def _to_keyring(entry: str, text: str) -> None:
    """Write an entry of the keyring. Raises InvalidInput, Conflict."""
    keyring = _keyring()
    try:
        keyring.set_password(SERVICE, entry, text)
    except keyring.errors.KeyringError as error:
        raise _closed(error) from None


def _closed(error: Exception) -> NbflowError:
    return Conflict(
        f"The keyring cannot be asked: {type(error).__name__}: {str(error)[:300]}",
        code="secret.keyring_closed",
        hint="Unlock or install one (`keyring diagnose` tells), or use the key file.",
    )


def _keyring() -> Any:
    from importlib import import_module

    try:
        return import_module("keyring")
    except ImportError:
        raise InvalidInput(
            "NBFLOW_SECRET_KEYRING is set, and the package keyring is not installed.",
            code="secret.keyring",
            field="NBFLOW_SECRET_KEYRING",
            hint="pip install 'nbflow[keyring]', or use the key file.",
        ) from None
