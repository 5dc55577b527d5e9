"""Blocks as user code defines, saves and loads them."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from pydantic import BaseModel

from nbflow.blocks import Block, SecretBytes, SecretDict, SecretStr
from nbflow.exceptions import Conflict, InvalidInput, NotFound
from nbflow.model import masking
from nbflow.model.blocks import BlockChange
from nbflow.model.masking import MASK
from nbflow.orchestration.orchestrator import Orchestrator
from nbflow.store import secret_keys
from nbflow.store.block_tables import block_document, secret_key


class Login(BaseModel):
    """No block: part of one."""

    user: str
    key: SecretStr


class Account(Block):
    """Where it is signed in."""

    _block_type_name = "Test Account"
    _logo_url = "https://example.org/logo.svg"
    _description = "Signs in."
    block_schema_capabilities = ["sign-in"]

    host: str
    password: SecretStr | None = None
    raw: SecretBytes | None = None
    extra: SecretDict | None = None
    logins: list[Login] = []
    by_name: dict[str, SecretStr] = {}


class Other(Block):
    """Another way."""

    port: int = 1
    password: SecretStr | None = None


class Service(Block):
    """Uses one of two."""

    _block_type_slug = "test-service"

    account: Account | Other
    more: list[Account] = []


pytestmark = pytest.mark.usefixtures("orchestrator")


def test_a_block_is_loaded_as_it_was_saved() -> None:
    made = Account(
        host="h",
        password=SecretStr("opensesame"),
        raw=SecretBytes("grüße".encode()),
        extra=SecretDict({"a": "first", "b": 2}),
        logins=[Login(user="u", key=SecretStr("login-key"))],
        by_name={"x": SecretStr("by-name")},
    )
    made.save("main")
    for found in (Account.load("main"), Block.load("test-account/main")):
        assert isinstance(found, Account)
        assert found == made
        assert found.extra
        assert found.extra.get_secret_value() == {"a": "first", "b": 2}
        assert found.logins[0].key.get_secret_value() == "login-key"


def test_types_say_what_they_are(orchestrator: Orchestrator) -> None:
    Account.register_type_and_schema()
    kind = orchestrator.read_block_type("test-account")
    assert (kind.name, kind.description) == ("Test Account", "Signs in.")
    assert kind.logo_url == "https://example.org/logo.svg"
    (schema,) = orchestrator.list_block_schemas("test-account")
    assert schema.checksum == Account.get_block_schema_checksum()
    assert schema.capabilities == ("sign-in",)
    assert schema.fields["secret_fields"] == [
        "by_name.*", "extra.*", "logins.*.key", "password", "raw",
    ]  # fmt: skip


def test_behaviour_21_save_refusal_live_reference_mask_and_old_schema(
    orchestrator: Orchestrator,
) -> None:
    """Save and overwrite; a reference sees later edits; the mask keeps; an old schema loads."""
    account = Account(host="h", password=SecretStr("opensesame"))
    account.save("main")
    with pytest.raises(Conflict):
        Account(host="other").save("main")
    Service(account=account).save("s")
    read = orchestrator.read_block("test-account/main")
    assert read.data["password"] == MASK
    orchestrator.update_block(read.id, BlockChange({"host": "later", "password": MASK}))
    seen = Service.load("s").account
    assert isinstance(seen, Account)
    assert seen.password
    assert (seen.host, seen.password.get_secret_value()) == ("later", "opensesame")

    class Changed(Block):
        _block_type_name = "Test Account"
        host: str
        region: str
        password: SecretStr | None = None

    with pytest.raises(InvalidInput, match="region") as refused:
        Changed.load("main")
    assert (refused.value.code, refused.value.field) == ("block.outdated", "data.region")
    old = Changed.load("main", validate=False)
    assert (old.host, old.password) == ("later", SecretStr("opensesame"))
    old.region = "eu"
    old.save(overwrite=True)
    assert Changed.load("main").region == "eu"
    assert len(orchestrator.list_block_schemas("test-account")) == 2
    Account.__pydantic_init_subclass__()  # the slug is Account's again


def test_unions_are_told_apart_by_schema_and_blocks_not_saved_become_part() -> None:
    Service(account=Other(port=7, password=SecretStr("inside-it")), more=[]).save("inline")
    found = Service.load("inline").account
    assert isinstance(found, Other)
    assert found.password
    assert (found.port, found.password.get_secret_value()) == (7, "inside-it")
    Other(port=8).save("o")
    Service(account=Other.load("o")).save("by-reference")
    assert isinstance(Service.load("by-reference").account, Other)


def test_a_block_of_another_type_is_refused() -> None:
    Other(port=8).save("o")
    for load in (lambda: Account.load("other/o"), lambda: Account.load_from_ref("other/o")):
        with pytest.raises(InvalidInput) as refused:
            load()
        assert refused.value.code == "block.type"
    with pytest.raises(NotFound):
        Account.load("o")
    with pytest.raises(InvalidInput):
        Block.load("o")


def test_a_reference_is_a_parameter() -> None:
    made = Other(port=8)
    reference = {"$ref": {"block_document_id": made.save("o")}}
    assert Other.model_validate(reference) == Other.load_from_ref(reference) == made


def test_what_is_loaded_is_masked_from_then_on() -> None:
    Account(host="h", password=SecretStr("opensesame"), extra=SecretDict({"a": "b-secret"})).save(
        "m"
    )
    assert masking.mask("opensesame b-secret") == "opensesame b-secret"
    Account.load("m")
    assert masking.mask("opensesame b-secret") == f"{MASK} {MASK}"


def test_inside_a_running_loop_nothing_is_a_coroutine() -> None:
    async def cell() -> Any:
        Other(port=3).save("sync")
        await Other(port=4).asave("waits")
        await Other.aregister_type_and_schema()
        found = Other.load("sync").port, (await Other.aload("waits")).port
        await Other.adelete("waits")
        Other.delete("sync")
        return found

    assert asyncio.run(cell()) == (3, 4)


class Notifies(Block):
    """Abstract."""

    block_schema_capabilities = ["notify"]

    @abstractmethod
    def notify(self) -> str: ...


class Mails(Notifies):
    _block_type_slug = "test-mails"
    block_schema_capabilities = ["mail"]
    to: str = "x"

    def notify(self) -> str:
        return self.to


class Uses(Block):
    by: Notifies


def test_an_interface_is_no_type_and_takes_all_that_have_it() -> None:
    with pytest.raises(InvalidInput) as refused:
        Notifies.register_type_and_schema()
    assert refused.value.code == "block.abstract"
    mails = Mails(to="y")
    mails.save("m")
    assert Mails.get_block_capabilities() == {"notify", "mail"}
    assert Notifies.load("test-mails/m").notify() == "y"
    Uses(by=mails).save("u")
    assert Uses.load("u").by == mails
    Uses(by=Mails(to="z")).save("inline")
    assert Uses.load("inline").by == Mails(to="z")


def test_nothing_of_a_secret_is_plain_in_the_database(home: Path) -> None:
    Account(host="h", password=SecretStr("opensesame")).save("main")
    kept = b"".join(path.read_bytes() for path in home.rglob("*") if path.is_file())
    assert b"opensesame" not in kept
    key = secret_keys.here()[0]
    assert key.text.encode() not in kept
    assert secret_keys.key_file().stat().st_mode & 0o777 == 0o600


def test_secrets_of_two_blocks_cannot_be_swapped(orchestrator: Orchestrator) -> None:
    one, two = Other(password=SecretStr("first-one")), Other(password=SecretStr("second"))
    one.save("one")
    two.save("two")
    c = block_document.c
    with orchestrator.database.write() as connection:
        stolen = connection.execute(sa.select(c.secrets).where(c.name == "one")).scalar()
        connection.execute(block_document.update().where(c.name == "two"), {"secrets": stolen})
    with pytest.raises(Conflict) as refused:
        Other.load("two")
    assert refused.value.code == "secret.swapped"


def test_a_lost_key_is_named_and_other_blocks_go_on(
    orchestrator: Orchestrator, monkeypatch: pytest.MonkeyPatch
) -> None:
    Account(host="h", password=SecretStr("opensesame")).save("main")
    Account(host="plain").save("plain")
    key_id = secret_keys.here()[0].id
    monkeypatch.setenv("NBFLOW_SECRET_KEYS", secret_keys.new_text())
    with pytest.raises(Conflict, match=key_id) as refused:
        Account.load("main")
    assert refused.value.code == "secret.key_lost"
    with pytest.raises(Conflict, match=key_id):
        Account(host="h", password=SecretStr("strange-key")).save("more")
    assert [b.name for b in orchestrator.list_blocks().rows] == ["main", "plain"]
    assert Account.load("plain").host == "plain"
    Account(host="no secret").save("more")
    orchestrator.update_block("test-account/main", BlockChange({"password": None}))
    assert Account.load("main").password is None


def test_a_new_key_is_taken_on_beside_one_that_is_known(
    orchestrator: Orchestrator, monkeypatch: pytest.MonkeyPatch
) -> None:
    Other(password=SecretStr("first-one")).save("one")
    old, new = secret_keys.here()[0], secret_keys.new_text()
    monkeypatch.setenv("NBFLOW_SECRET_KEYS", f"{new},{old.text}")
    Other(password=SecretStr("second")).save("two")
    with orchestrator.database.read() as connection:
        asked = sa.select(block_document.c.name, block_document.c.key_id)
        by_name = {row[0]: row[1] for row in connection.execute(asked)}
        count = connection.execute(sa.select(sa.func.count()).select_from(secret_key)).scalar()
    assert by_name == {"one": old.id, "two": secret_keys.key_of(new).id}
    assert count == 2
    assert Other.load("one").password == SecretStr("first-one")
    assert Other.load("two").password == SecretStr("second")


def test_a_key_file_others_may_read_is_refused() -> None:
    Other(password=SecretStr("first-one")).save("one")
    secret_keys.key_file().chmod(0o644)
    try:
        with pytest.raises(Conflict) as refused:
            Other.load("one")
        assert refused.value.code == "secret.key_open"
    finally:
        secret_keys.key_file().chmod(0o600)


def test_no_key_that_is_none_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NBFLOW_SECRET_KEYS", "short")
    with pytest.raises(InvalidInput) as refused:
        Other(password=SecretStr("first-one")).save("one")
    assert refused.value.field == "NBFLOW_SECRET_KEYS"
    assert "short" not in refused.value.message
