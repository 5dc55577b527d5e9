"""Templates fill in plain JSON; whoever writes one can do nothing else with them."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbflow.exceptions import InvalidInput
from nbflow.model import templates

CONTEXT: dict[str, Any] = {
    "flow_run": {"name": "brisk-otter", "tags": ["a", "b"], "state": {"name": "Failed"}, "n": 3},
    "event": {
        "occurred": "2026-03-29T00:30:00+00:00",
        "resource": {"nbflow.resource.id": "nbflow.flow-run.7", "nbflow": {"no": 1}},
        "payload": {"rows": [{"id": 1}, {"id": 2}], "share": 0.98765, "none": None, "yes": True},
    },
}


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("plain", "plain"),
        ("", ""),
        ("{{flow_run.name}}", "brisk-otter"),
        ("run {{ flow_run.name }} is {{ flow_run.state.name }}.", "run brisk-otter is Failed."),
        ("{{ flow_run.name | upper }}", "BRISK-OTTER"),
        ("{{ flow_run.name | upper | lower }}", "brisk-otter"),
        ("{{ 'two words' | title }}", "Two Words"),
        ("{{ flow_run.name | truncate: 6 }}", "brisk…"),
        ("{{ event.occurred | date }}", "2026-03-29 00:30 UTC"),
        ('{{ event.occurred | date: "%d.%m.%Y %H:%M", "Europe/Berlin" }}', "29.03.2026 01:30"),
        ("{{ event.payload.rows | tojson }}", '[{"id": 1}, {"id": 2}]'),
        ('{{ flow_run.tags | join: " and " }}', "a and b"),
        ("{{ flow_run.tags | length }}", "2"),
        ("{{ event.payload.share | round: 2 }}", "0.99"),
        ("{{ event.payload.share | round }}", "1"),
        ('{{ "a b&c/ü" | urlencode }}', "a%20b%26c%2F%C3%BC"),
        ('{{ "<b>\\"x\\"" | escape }}', "&lt;b&gt;&quot;x&quot;"),
        ('{{ flow_run.nobody | default: "-" }}', "-"),
        ('{{ nobody.at.all | upper | default: "-" }}', "-"),
        ('{{ event.payload.none | default: "n" }}', "n"),
        ("{{ event.payload.none }}", ""),
        ("{{ event.payload.yes }}", "true"),
        ("{{ event.payload.rows.1.id }}", "2"),
        ("{{ event.resource.nbflow.resource.id | default: 'x' }}", "x"),
        ('{{ "{{" }} {{ "}}" }}', "{{ }}"),
        ("a } b {", "a } b {"),
        ('{"a": {"b": "{{ flow_run.n }}"}}', '{"a": {"b": "3"}}'),
    ],
)
def test_a_template_says(template: str, said: str) -> None:
    templates.check(template, [*CONTEXT, "nobody"])
    assert templates.render(template, CONTEXT) == said


def test_a_key_that_holds_dots_is_found() -> None:
    labels = {"event": {"resource": {"nbflow.resource.id": "nbflow.flow-run.7"}}}
    assert templates.render("{{ event.resource.nbflow.resource.id }}", labels) == (
        "nbflow.flow-run.7"
    )


def test_one_placeholder_alone_keeps_its_type_and_texts_of_values_are_not_templates() -> None:
    value = {
        "n": "{{ flow_run.n }}",
        "{{ flow_run.name }}": ["{{ flow_run.tags }}", "n={{ flow_run.n }}", 5],
    }
    assert templates.render_value(value, CONTEXT) == {
        "n": 3, "brisk-otter": [["a", "b"], "n=3", 5]
    }  # fmt: skip
    assert templates.render("{{ a }}", {"a": "{{ b }}", "b": "no"}) == "{{ b }}"


@pytest.mark.parametrize(
    ("template", "code", "told"),
    [
        ("{{ flow_rnu.name }}", "template.name", "Did you mean 'flow_run'?"),
        ("x\n  {{ flow_run.name | uper }}", "template.filter", "line 2, column 3"),
        ("{{ flow_run.name | uper }}", "template.filter", "Did you mean 'upper'?"),
        ("{{ flow_run.name", "template.syntax", "without }}"),
        ("{{ }}", "template.syntax", "missing"),
        ("{{ flow_run.name | }}", "template.syntax", "a filter is missing"),
        ("{{ flow_run.name | truncate: }}", "template.syntax", "missing"),
        ("{{ flow_run.name | default }}", "template.syntax", "1 arguments"),
        ("{{ flow_run.name | upper: 1 }}", "template.syntax", "arguments"),
        ("{{ flow_run.name | default: event }}", "template.syntax", "literals"),
        ("{{ flow_run..name }}", "template.syntax", "'.'"),
        ("{{ flow_run name }}", "template.syntax", "'name'"),
    ],
)
def test_what_is_wrong_is_said_with_its_place_before_it_is_kept(
    template: str, code: str, told: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        templates.check(template, CONTEXT, field="actions.0.body")
    assert caught.value.code == code
    assert told in str(caught.value)
    assert caught.value.field == "actions.0.body"


@pytest.mark.parametrize(
    ("template", "code", "told"),
    [
        ("{{ flow_run.nmae }}", "template.missing", "Did you mean 'name'?"),
        ("{{ flow_run.tags.9 }}", "template.missing", "default"),
        ("{{ flow_run.name.upper }}", "template.missing", "flow_run.name has no 'upper'"),
        ("{{ flow_run.name | round }}", "template.value", "a number"),
        ("{{ flow_run.name | date }}", "template.value", "a time"),
        ('{{ event.occurred | date: "%H", "Mars/Base" }}', "template.value", "zone"),
        ("{{ flow_run.name | join }}", "template.value", "a list"),
        ("{{ flow_run.n | length }}", "template.value", "a text"),
    ],
)
def test_what_is_wrong_with_the_values_is_said_when_it_is_used(
    template: str, code: str, told: str
) -> None:
    templates.check(template, CONTEXT)
    with pytest.raises(InvalidInput) as caught:
        templates.render(template, CONTEXT)
    assert caught.value.code == code
    assert told in str(caught.value)


@contextmanager
def only_refused() -> Iterator[None]:
    try:
        yield
    except InvalidInput as refused:
        if not refused.code.startswith("template."):
            raise


ESCAPES = [
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ flow_run['name'] }}",
    "{{ flow_run.name.format(1) }}",
    "{{ self._TemplateReference__context }}",
    "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
    "{{ lipsum.__globals__['os'].popen('id').read() }}",
    "{{ request.application.__globals__ }}",
    "{{ config.items() }}",
    "{{ get_flashed_messages.__globals__.__builtins__.open('/etc/passwd').read() }}",
    "{{ ().__class__.__bases__[0].__subclasses__()[40]('/etc/passwd').read() }}",
    "{{ [].append.__self__ }}",
    "{{ ''|attr('__class__') }}",
    "{{ flow_run|attr('\\x5f\\x5fclass\\x5f\\x5f') }}",
    "{{ joiner.__init__.__globals__ }}",
    "{{ namespace.__init__.__globals__ }}",
    "{{ 7*7 }}",
    "{{ 2**99999999 }}",
    "{{ 'a'*10**9 }}",
    "{{ 'x'|center(10**9) }}",
    "{{ '%0999999999d' % 1 }}",
    "{{ range(100000)|join('y'*10000) }}",
    "{{ dict(a=1) }}",
    "{{ __import__('os').system('id') }}",
    "{{ eval('1') }}",
    "{{ open('/etc/passwd') }}",
    "{{ flow_run.name if 1 else 2 }}",
    "{{ not flow_run }}",
    "{{ flow_run.name ~ 'x' }}",
    "{{ flow_run.name + 'x' }}",
    "{{ (flow_run) }}",
    "{{ [1, 2] }}",
    "{{ {'a': 1} }}",
    "{{ flow_run.name; import os }}",
    "{{ flow_run.name\0 }}",
    "{{ flow_run.\u202ename }}",
    "{{ ｆlow_run.name }}",
    "{{ lambda: 1 }}",
    "{{ {{ flow_run.name }} }}",
    "{{ flow_run.name | map('upper') }}",
    "{{ flow_run | tojson | safe }}",
    "{{ flow_run.name | format: 1 }}",
    "{{ flow_run.name | default: ''.join }}",
    "{{ flow_run.name | truncate: 1e99 }}",
    "{{ flow_run.name | truncate: 9999999999999999999999 }}",
    "{{ env.PATH }}",
    "{{ settings.secret_key }}",
    "{{ nbflow.blocks.secret.x }}",
    "{{ " + ".".join(["a"] * 5000) + " }}",
    "{{ flow_run.name" + " | upper" * 5000 + " }}",
    "{{ flow_run.name }}" * 5000,
    "{{" * 30_000,
    "{{ '" + "a" * 60_000,
    "{{ " + "a" * 60_000,
    "{{" + " " * 60_000,
    "{{ '" + "\\" * 60_000,
    "x" * 100_000,
    "{% for i in range(10**9) %}x{% endfor %}{{ x }}",
]


@pytest.mark.parametrize("template", ESCAPES, ids=range(len(ESCAPES)))
def test_a_template_that_tries_to_escape_is_refused_at_once(template: str) -> None:
    events: list[str] = []
    watching = True

    def heard(event: str, arguments: Any) -> None:
        if watching and event.split(".")[0] in {"exec", "open", "os", "subprocess", "socket"}:
            events.append(event)

    sys.addaudithook(heard)
    began = time.process_time()
    try:
        for do in (
            lambda: templates.check(template, CONTEXT),
            lambda: templates.render(template, CONTEXT),
            lambda: templates.render_value({"a": [template]}, CONTEXT),
        ):
            with pytest.raises(InvalidInput) as caught:
                do()
            assert caught.value.code.startswith("template.")
            assert len(str(caught.value)) < 600
    finally:
        watching = False
    assert time.process_time() - began < 4.0
    assert not events


BOMBS: list[tuple[str, Any]] = [
    ("{{ a | tojson | tojson | tojson | tojson | tojson | tojson }}", ['"\\'] * 500),
    ("{{ a | urlencode | urlencode | urlencode | urlencode }}", "ü" * 60_000),
    ("{{ a | escape | escape | escape | escape }}", "&" * 60_000),
    ("{{ a }}" * 100, "x" * 5_000),
    ("{{ a | upper }}", "ß" * 60_000),
    ("{{ a | title }}", "x" * 10_000_000),
    ("{{ a | tojson }}", [[0] * 1000] * 1000),
    ('{{ a | join: "' + "y" * 10_000 + '" }}', [1] * 100_000),
    ('{{ "2026-03-01T06:00:00Z" | date: "%999999999d" }}', None),
    ('{{ "2026-03-01T06:00:00Z" | date: "%_99999999Y%-d%Ez" }}', None),
    ('{{ "2026-03-01T06:00:00Z" | date: "%" }}', None),
    ('{{ "2026-03-01T06:00:00Z" | date: "%Y", "../../etc/passwd" }}', None),
    ("{{ a | round: 15 }}", 1e308),
    ("{{ a | round: 99 }}", 1.5),
    ("{{ a | round }}", float("inf")),
    ("{{ a | tojson }}", object()),
]


@pytest.mark.parametrize(("template", "value"), BOMBS, ids=range(len(BOMBS)))
def test_a_bomb_ends_at_once_and_gives_at_most_what_is_allowed(template: str, value: Any) -> None:
    began = time.process_time()
    for render in (templates.render, templates.render_value):
        with only_refused():
            assert len(str(render(template, {"a": value}))) <= templates.LONGEST
    assert time.process_time() - began < 8.0


@pytest.mark.parametrize(
    "path", ["flow_run.__class__", "flow_run.name.__class__.__init__.__globals__"]
)
def test_a_path_leads_to_keys_and_never_to_attributes(path: str) -> None:
    for do in (templates.render, templates.check):
        with pytest.raises(InvalidInput, match="cannot name '__class__'") as caught:
            do(f"{{{{ {path} }}}}", CONTEXT, field="message")
        assert (caught.value.code, caught.value.field) == ("template.inside", "message")
        assert "attributes" in (caught.value.hint or "")


def test_values_nested_without_end_are_refused() -> None:
    deep: Any = "{{ a }}"
    for _ in range(5_000):
        deep = [deep]
    for do in (
        lambda: templates.check_value(deep, ["a"]),
        lambda: templates.render_value(deep, {"a": 1}),
    ):
        with pytest.raises(InvalidInput) as caught:
            do()
        assert caught.value.code == "template.deep"
    with pytest.raises(InvalidInput) as caught:
        templates.render("{{ a | tojson }}", {"a": deep})
    assert caught.value.code == "template.value"


def test_templates_in_a_value_are_checked_where_they_stand() -> None:
    with pytest.raises(InvalidInput) as caught:
        templates.check_value({"a": ["ok", {"b": "{{ nothing }}"}]}, ["event"], field="parameters")
    assert caught.value.field == "parameters.a.1.b"


@given(st.text(st.sampled_from(list("{} |.:,'\"\\abn_-01%\n")), max_size=60))
def test_any_text_is_a_template_or_told_what_is_wrong(text: str) -> None:
    context = {"a": {"b": [1, "x"]}, "n": None}
    with only_refused():
        assert isinstance(templates.render(text, context), str)
