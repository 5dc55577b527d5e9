"""Job variables: four levels are merged, checked against the pool's schema, and put in place."""

from __future__ import annotations

from typing import Any

import pytest

from nbflow import settings
from nbflow.exceptions import InvalidInput
from nbflow.model import clock, job_variables, pool_types
from nbflow.model.blocks import BlockDocument, OpenedBlock

PROCESS = pool_types.TEMPLATES["process"]


def template(configuration: Any, required: list[str] | None = None, **properties: Any) -> Any:
    variables = {"type": "object", "properties": properties, "required": required or []}
    return {"job_configuration": configuration, "variables": variables}


def test_behaviour_19_job_variables_merge_in_order_and_env_key_by_key() -> None:
    pool = template(
        {"env": "{{ env }}", "image": "{{ image }}", "labels": "{{ labels }}", "cpu": "{{ cpu }}"},
        env={"type": "object", "default": {"A": "template", "B": "template", "C": "template"}},
        image={"type": "string", "default": "base:1"},
        labels={"type": "object", "default": {"from": "template", "kept": "no"}},
        cpu={"type": "integer", "default": 1},
    )
    deployment = {"env": {"B": "deployment", "D": "deployment"}, "labels": {"from": "deployment"}}
    run = {"env.C": "run", "cpu": 4, "env": {"D": "run"}}
    assert job_variables.configure(pool, deployment, run) == {
        "env": {"A": "template", "B": "deployment", "C": "run", "D": "run"},
        "image": "base:1",
        "labels": {"from": "deployment"},
        "cpu": 4,
    }


@pytest.mark.parametrize(
    ("levels", "merged"),
    [
        ([{"env": {"A": "1"}}, {"env": {"A": "2"}}, {"env": {"B": "3"}}], {"A": "2", "B": "3"}),
        ([{"env.A": "1"}, {"env.B": "2"}], {"A": "1", "B": "2"}),
        ([{"env.A": "dotted", "env": {"A": "nested"}}], {"A": "nested"}),
        ([{"env": {"A": "1"}}, {"env.A": "2"}], {"A": "2"}),
        ([{"env": {"A": "1"}}, {"env": {"A": None}}], {"A": None}),
        ([{"env.A.B": "a dot in a name"}], {"A.B": "a dot in a name"}),
    ],
)
def test_env_is_merged_key_by_key(levels: Any, merged: Any) -> None:
    assert job_variables.merge(*levels) == {"env": merged}


def test_what_is_not_env_replaces_whole_though_dotted() -> None:
    assert job_variables.merge({"limits": {"cpu": 1, "mem": 2}}, {"limits.cpu": 3}) == {
        "limits": {"cpu": 3}
    }


def test_a_single_placeholder_keeps_its_type_and_one_in_text_becomes_text() -> None:
    pool = template(
        {"a": "{{ n }}", "b": "n is {{n}}, l is {{ l }}", "c": ["{{ l }}", "{{ none }}"],
         "gone": "{{ none }}", "d": {"e": "{{ o }}"}, "in": "[{{ none }}]"},
        n={"type": "integer"}, l={"type": "array"}, o={"type": "object"}, none={},
    )  # fmt: skip
    given = {"n": 3, "l": [1, "x"], "o": {"k": None}}
    assert job_variables.configure(pool, given) == {
        "a": 3,
        "b": 'n is 3, l is [1, "x"]',
        "c": [[1, "x"]],
        "d": {"e": {"k": None}},
        "in": "[]",
    }


def test_what_a_variable_says_is_not_filled_in_again() -> None:
    pool = template({"a": "{{ x }}"}, x={"type": "string"}, y={"default": "secret"})
    assert job_variables.configure(pool, {"x": "{{ y }}"}) == {"a": "{{ y }}"}


def test_a_variable_of_the_store_is_put_in_place_last() -> None:
    pool = template({"a": "{{ x }}", "b": "on {{ nbflow.variables.host }}"}, x={})
    given = {"x": "{{ nbflow.variables.size }}"}
    assert job_variables.stored_names(pool, given) == {"host", "size"}
    stored = {"host": "h", "size": 3}
    assert job_variables.configure(pool, given, stored=stored) == {"a": 3, "b": "on h"}
    with pytest.raises(InvalidInput) as refused:
        job_variables.configure(pool, given, stored={"host": "h"})
    assert refused.value.code == "job_variables.variable"


def test_what_is_required_and_missing_is_named_all_at_once() -> None:
    pool = template({}, ["a", "b", "c"], a={}, b={}, c={"default": 1})
    with pytest.raises(InvalidInput, match="a, b") as refused:
        job_variables.check(pool, {})
    assert (refused.value.code, refused.value.status) == ("job_variables.missing", 422)
    job_variables.check(pool, {}, partial=True)
    job_variables.check(pool, {"a": 1}, {"b": 2})


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"enviroment": {}}, "job_variables.enviroment"),
        ({"env": {"A": 1}}, "job_variables.env.A"),
        ({"env": []}, "job_variables.env"),
        ({"working_dir": "relative"}, "job_variables.working_dir"),
        ({"timeout_seconds": 0}, "job_variables.timeout_seconds"),
        ({"stream_output": "yes"}, "job_variables.stream_output"),
        ([], "job_variables"),
        ({1: 2}, "job_variables"),
        ({"name": float("nan")}, "job_variables"),
        ({"name": "x" * 2_000_000}, "job_variables"),
    ],
)
def test_what_the_pool_does_not_take_is_refused_by_name(given: Any, field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        job_variables.check(PROCESS, given)
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("A", "with\0NUL"), ("A\0B", "x"), ("A=B", "x"), ("", "x"), ("A", "x" * 1_000_000),
        ("LD_PRELOAD", "/x.so"), ("LD_LIBRARY_PATH", "/x"), ("PYTHONSTARTUP", "x.py"),
        ("JUPYTER_TOKEN", "x"), ("ld_preload", "x"), ("NBFLOW_HOME", "/elsewhere"),
        ("NBFLOW_API_TOKEN", "x"), ("A", "\ud800"),
    ],
)  # fmt: skip
def test_row_130_environment_variables_that_are_refused(name: str, value: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        job_variables.check(PROCESS, {"env": {name: value}})
    assert (refused.value.status, refused.value.code) == (422, "job_variables.env")
    assert str(refused.value.field).startswith("job_variables.env")


def test_row_130_path_may_be_set_and_others_where_an_operator_lets_them() -> None:
    job_variables.check(PROCESS, {"env": {"PATH": "/usr/bin", "NBFLOW_LOGGING_LEVEL": "DEBUG"}})
    with settings.temporary(job_env_allowed="LD_LIBRARY_PATH, JUPYTER_*"):
        job_variables.check(PROCESS, {"env": {"LD_LIBRARY_PATH": "/x", "JUPYTER_PATH": "/y"}})
        with pytest.raises(InvalidInput):
            job_variables.check(PROCESS, {"env": {"LD_PRELOAD": "/x.so"}})
    with settings.temporary(job_env_allowed="*"), pytest.raises(InvalidInput):
        job_variables.check(PROCESS, {"env": {"NBFLOW_HOME": "/elsewhere"}})


@pytest.mark.parametrize(
    "wrong",
    [
        [], {}, {"job_configuration": {}}, {"job_configuration": [], "variables": {}},
        template({"a": "{{ nowhere }}"}), template({}, ["x"]), template({}, a=1),
        template({}, a={"type": "integer", "default": "x"}),
        template({}, env={"type": "object", "default": {"LD_PRELOAD": "x"}}),
        template({}) | {"more": 1},
    ],
)  # fmt: skip
def test_a_template_that_cannot_work_is_refused(wrong: Any) -> None:
    with pytest.raises(InvalidInput) as refused:
        job_variables.check_template(wrong)
    assert str(refused.value.field).startswith("base_job_template")


@pytest.mark.parametrize("kind", pool_types.TEMPLATES)
def test_the_types_own_templates_hold(kind: str) -> None:
    own = pool_types.TEMPLATES[kind]
    assert job_variables.check_template(own) == own
    assert job_variables.configure(own)["env"] == {}


def opened_block(data: dict[str, Any], **references: dict[str, Any]) -> OpenedBlock:
    def document(id: str, data: dict[str, Any]) -> BlockDocument:
        now = clock.now()
        return BlockDocument(id, "t", "n", "sha256:0", data, now, now)

    return OpenedBlock(
        document("own", data), {id: document(id, said) for id, said in references.items()}
    )


def test_a_block_stays_a_placeholder_until_it_is_opened() -> None:
    pool = template({"env": "{{ env }}", "c": "{{ nbflow.blocks.t.n.port }}"}, env={})
    given = {"env": {"A": "on {{ nbflow.blocks.t.n.host }}", "B": "{{nbflow.blocks.secret.s}}"}}
    assert job_variables.block_names(pool, given) == {"t/n", "secret/s"}
    job = job_variables.configure(pool, given)
    assert job == {**given, "c": "{{ nbflow.blocks.t.n.port }}"}
    login = {"host": "h", "port": 5, "in": {"$ref": {"block_document_id": "other"}}}
    opened = {"t/n": opened_block(login, other={"key": 7}), "secret/s": opened_block({"value": 3})}
    assert job_variables.with_blocks(job, opened) == {"env": {"A": "on h", "B": "3"}, "c": 5}
    through = {"c": "{{ nbflow.blocks.t.n.in.key }}"}
    assert job_variables.with_blocks(through, opened) == {"c": 7}
    with pytest.raises(InvalidInput, match="prot") as refused:
        job_variables.with_blocks({"c": "{{ nbflow.blocks.t.n.prot }}"}, opened)
    assert refused.value.code == "job_variables.block"
