"""A secret is given to a notebook or flow by reference, and looked up where the code runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from nbflow import flow
from nbflow.blocks import Secret, referring
from nbflow.exceptions import NotFound, ParameterError
from nbflow.model import masking, parameter_code, parameter_references, parameters
from nbflow.orchestration.orchestrator import Orchestrator
from tests.engine.test_secrets import assert_nowhere
from tests.notebook.conftest import code

CANARY = "canary-7391-value"
REFERENCE: dict[str, Any] = {"$ref": {"block_document_slug": "secret/api-key"}}


@pytest.fixture
def saved(orchestrator: Orchestrator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NBFLOW_SECRET_KEY_FILE", str(tmp_path / "key"))
    Secret(value=CANARY).save("api-key")


def test_a_notebook_gets_the_value_and_nothing_of_the_run_holds_it(
    saved: None, notebooks: Any, home: Path
) -> None:
    ran = notebooks.run(
        code("token: str = 'none'", "parameters"),
        "import sys\nprint(len(token), token)\nsys.stdout.write(token[:5]); sys.stdout.flush()\n"
        "sys.stdout.write(token[5:]); sys.stdout.flush()",
        "raise ValueError(token)",
        parameters={"token": REFERENCE},
    )
    assert ran.state.name == "Failed"
    assert ran.state.message.endswith(masking.MASK) or masking.MASK in ran.state.message
    text = str(ran.notebook)
    assert f"{len(CANARY)} {masking.MASK}" in text
    assert "secret/api-key" in text
    assert ran.run.parameters == {"token": REFERENCE}
    assert_nowhere(home, CANARY)


def test_a_flow_gets_the_value_of_what_it_takes(saved: None, home: Path) -> None:
    got: list[Any] = []

    @flow
    def outer(token: SecretStr, text: str, block: Secret) -> None:
        got.extend([token.get_secret_value(), text, block.get()])

    outer(REFERENCE, REFERENCE, REFERENCE)  # pyright: ignore[reportArgumentType]
    assert got == [CANARY] * 3
    assert_nowhere(home, CANARY)


def test_a_reference_to_nothing_is_said(home: Path) -> None:
    with pytest.raises(NotFound):
        referring.value_of("secret/nobody")


def test_a_secret_written_out_is_refused_with_the_way_to_give_it() -> None:
    schema = {"properties": {"token": {"type": "string"}}}
    masking.register_secret(CANARY)
    with pytest.raises(ParameterError) as caught:
        parameters.check(schema, {"token": f"x{CANARY}"}, what="nb")
    assert caught.value.code == "parameter.looks_secret"
    assert "block_document_slug" in str(caught.value)
    assert parameters.check(schema, {"token": REFERENCE}, what="nb") == {"token": REFERENCE}


@pytest.mark.parametrize(
    "value",
    [{"$ref": {}}, {"$ref": {"block_document_slug": ""}}, {"$ref": {"block_document_slug": 5}},
     {"$ref": {"block_document_slug": "a/b", "x": 1}}, {"$ref": "a/b"}, {"$ref": {"x": "a/b"}},
     {"$ref": {"block_document_slug": "a" * 1000}}, {"$ref": {"block_document_id": "x"}, "y": 1}],
)  # fmt: skip
def test_what_only_looks_like_a_reference_is_a_value(value: Any) -> None:
    assert parameter_references.of(value) is None


def test_a_reference_is_written_as_a_literal_whatever_it_says() -> None:
    hostile = {"$ref": {"block_document_slug": "x'); import os; ('"}}
    (line,) = parameter_code.source({}, {"token": hostile}).splitlines()[1:]
    compiled = compile(line, "cell", "exec")
    assert "os" not in compiled.co_names
    assert line.endswith(".value_of(\"x'); import os; ('\")")
