"""A secret given to a flow is nowhere to be found afterwards."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, SecretBytes, SecretStr

from nbflow import connect, flow, get_run_logger, settings, task
from nbflow.artifacts import create_markdown_artifact, create_table_artifact
from nbflow.exceptions import ParameterTypeError
from nbflow.model import masking
from nbflow.states import Completed, Failed

CANARY = "canary-7f3a9c"


def written(home: Path) -> dict[str, bytes]:
    """All that nbflow has on disk, stored results left out: those are data, not text."""
    connect.forget()
    files = [path for path in home.rglob("*") if path.is_file() and "results" not in path.parts]
    return {str(path): path.read_bytes() for path in files}


def assert_nowhere(home: Path, canary: str = CANARY) -> None:
    found = [path for path, data in written(home).items() if canary.encode() in data]
    assert found == []
    assert written(home)


class Login(BaseModel):
    user: str
    password: SecretStr


@dataclass
class Both:
    login: Login
    raw: SecretBytes


def test_a_secret_parameter_is_masked_in_every_sink(orchestrator, home, caplog):
    @task(task_run_name="as-{word}")
    def uses(word):
        print("printed", word)
        get_run_logger().warning("logged %r", {"key": word})
        logging.getLogger("nbflow.flow_runs").error("%s", word)
        create_markdown_artifact(f"# shown {word}", key=None, description=f"about {word}")
        create_table_artifact([{word: [word, {"deep": word}]}])
        raise ValueError(f"cannot log in with {word}")

    @flow
    def child(word: str):
        return Failed(message=f"refused {word}")

    @task
    def returns(word):
        return Completed(message=f"fine {word}")

    @flow(log_prints=True, flow_run_name="run-{note}")
    def outer(note: str, token: SecretStr, both: Any, many: list[SecretStr]):
        word = token.get_secret_value()
        uses(word, return_state=True)
        child(word, return_state=True)
        returns(word, return_state=True)
        try:
            raise RuntimeError(word)
        except RuntimeError:
            get_run_logger().exception("it failed")
        return Failed(message=f"{word} and {both.login.password.get_secret_value()}")

    both = Both(Login(user="me", password=SecretStr("second-canary")), SecretBytes(b"third-canary"))
    state = outer(f"in {CANARY}", SecretStr(CANARY), both, ["fourth-canary"], return_state=True)
    run = next(r for r in orchestrator.list_flow_runs().rows if r.flow_name == "outer")
    assert run.parameters["token"] == masking.MASK
    assert run.parameters["both"] == {
        "login": {"user": "me", "password": masking.MASK},
        "raw": masking.MASK,
    }
    assert run.parameters["many"] == [masking.MASK]
    assert run.name == f"run-in {masking.MASK}"
    assert state.message == f"{masking.MASK} and {masking.MASK}"
    for canary in (CANARY, "second-canary", "third-canary", "fourth-canary"):
        assert_nowhere(home, canary)


def test_a_secret_among_parameters_that_are_refused_is_masked(orchestrator, home):
    @flow
    def outer(n: int, token: SecretStr, login: Login):
        raise AssertionError

    with pytest.raises(ParameterTypeError, match="parameter n"):
        outer("many", CANARY, {"user": "me", "password": "other-canary"})
    with pytest.raises(ParameterTypeError, match="login"):
        outer(1, "x-" + CANARY, {"password": "other-canary"})
    assert {r.state.name for r in orchestrator.list_flow_runs().rows} == {"Failed"}
    assert_nowhere(home)
    assert_nowhere(home, "other-canary")


def test_a_result_that_holds_a_secret_is_handed_on_and_not_written_down(orchestrator, home):
    @task
    def gives():
        return {"token": CANARY}

    @flow
    def outer(token: SecretStr):
        assert gives()["token"] == CANARY

    outer(SecretStr(CANARY))
    run = orchestrator.list_flow_runs().rows[0]
    (of_task,) = orchestrator.list_task_runs(run.id)
    assert of_task.result_key is None
    assert "which holds a secret" in of_task.state.message
    assert CANARY not in repr(of_task)
    assert_nowhere(home)


def test_the_token_of_the_api_is_masked(home):
    with settings.temporary(api_token="the-api-token", api_url="http://127.0.0.1:9/"):
        connect.connect()
        assert masking.mask("Bearer the-api-token") == f"Bearer {masking.MASK}"


def test_a_secret_is_masked_on_the_screen_of_a_script(home):
    code = """
from pydantic import SecretStr
from nbflow import flow, get_run_logger
@flow(log_prints=True)
def f(token: SecretStr):
    print(token.get_secret_value())
    get_run_logger().info(token.get_secret_value())
f(SecretStr("canary-7f3a9c"))
"""
    env = {**os.environ, "NBFLOW_HOME": str(home)}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    assert done.stderr.count(masking.MASK) == 2
    assert CANARY not in done.stderr + done.stdout
