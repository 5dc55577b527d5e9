"""The blocks that come with nbflow."""

from __future__ import annotations

import importlib.util
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from nbflow.blocks import JSON, DateTime, Secret, SqlAlchemyCredentials, String
from nbflow.exceptions import Conflict, InvalidInput
from nbflow.model import shipped_blocks
from nbflow.model.blocks import BlockTypeChange, NewBlock
from nbflow.model.masking import MASK
from nbflow.orchestration.orchestrator import Orchestrator

SCRIPT = Path(__file__).parents[2] / "scripts" / "block_types.py"


def test_the_data_are_what_the_classes_say() -> None:
    spec = importlib.util.spec_from_file_location("block_types", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert shipped_blocks.FILE.read_text(encoding="utf-8") == module.text(), f"run {SCRIPT.name}"


def test_forms_know_them_without_a_class(orchestrator: Orchestrator) -> None:
    kind = orchestrator.read_block_type("secret")
    assert (kind.name, kind.is_protected) == ("Secret", True)
    orchestrator.save_block(NewBlock("secret", "one", {"value": "opensesame"}))
    assert Secret.load("one").get() == "opensesame"
    for refused in (
        lambda: orchestrator.update_block_type("secret", BlockTypeChange(name="Mine")),
        lambda: orchestrator.delete_block_type("secret"),
    ):
        with pytest.raises(Conflict) as error:
            refused()
        assert error.value.code == "block_type.protected"


@pytest.mark.parametrize("value", ["opensesame", {"a": [1, "two"]}, ["x", None], 12345, True])
def test_a_secret_is_any_json(orchestrator: Orchestrator, value: Any) -> None:
    Secret(value=value).save("one")
    assert Secret.load("one").get() == value
    assert orchestrator.read_block("secret/one").data == {"value": MASK}


@pytest.mark.usefixtures("home")
def test_a_secret_too_short_to_mask_is_refused() -> None:
    with pytest.raises(InvalidInput) as refused:
        Secret(value="abc").save("one")
    assert (refused.value.code, refused.value.field) == ("secret.short", "data.value")


@pytest.mark.usefixtures("home")
def test_plain_values_are_kept_as_they_are() -> None:
    at = datetime(2026, 1, 31, 12, tzinfo=UTC)
    for made in (JSON(value={"a": [1]}), String(value="ü"), DateTime(value=at)):
        made.save("one")
        assert type(made).load("one") == made


@pytest.mark.usefixtures("home")
def test_a_database_is_asked(tmp_path: Path) -> None:
    SqlAlchemyCredentials(driver="sqlite", database=str(tmp_path / "x.sqlite")).save("one")
    block = SqlAlchemyCredentials.load("one")
    block.execute("create table t (a integer, b text)")
    block.execute_many("insert into t values (:a, :b)", [{"a": n, "b": f"'{n}"} for n in range(3)])
    assert block.fetch_one("select b from t where a = :a", {"a": 1}) == ("'1",)
    assert block.fetch_one("select b from t where a = 9") is None
    assert block.fetch_many("select a from t order by a", size=2) == [(0,), (1,)]
    assert len(block.fetch_all("select * from t")) == 3
    assert block.get_client().dialect.name == "sqlite"


def test_the_password_of_an_address_is_not_shown() -> None:
    made = SqlAlchemyCredentials(
        driver="postgresql+psycopg", username="u", password=SecretStr("opensesame"), host="h"
    )
    assert "opensesame" not in f"{made!r} {made.get_url()}"
    assert made.get_url().password == "opensesame"
    with pytest.raises(ValidationError):
        SqlAlchemyCredentials()
