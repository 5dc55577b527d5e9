"""Parameter values: what fits a schema, what is refused and how it is said, and text from a CLI."""

from __future__ import annotations

import datetime as dt
import enum
import json
import uuid
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbflow.exceptions import InvalidInput, ParameterError, ParameterTypeError
from nbflow.model import masking, names, parameters
from nbflow.model.json_schema import Mismatch, conform

SCHEMA = {
    "type": "object",
    "properties": {
        "n": {"type": "integer", "default": 1, "x-inferred": True},
        "rate": {"type": "number", "minimum": 0, "maximum": 1},
        "name": {"type": "string"},
        "on": {"type": "boolean"},
        "limit": {"type": ["integer", "null"]},
        "mode": {"enum": ["fast", "slow", 3, None]},
        "points": {"type": "array", "items": {"type": "number"}},
        "weights": {"type": "object", "additionalProperties": {"type": "number"}},
        "day": {"type": "string", "format": "date"},
        "at": {"type": "string", "format": "date-time"},
        "any": {},
        "either": {"anyOf": [{"type": "integer"}, {"type": "array", "items": {"type": "string"}}]},
        "größe": {"type": "integer"},
    },
    "required": ["name", "rate"],
    "additionalProperties": False,
}


def checked(**values):
    return parameters.check(SCHEMA, values, what="daily", partial=True)


def refused(**values):
    with pytest.raises(ParameterError) as caught:
        checked(**values)
    return caught.value


FITTING = [
    ("n", 5, 5),
    ("n", 5.0, 5),
    ("n", -(10**40), -(10**40)),
    ("rate", 1, 1),
    ("rate", 0.25, 0.25),
    ("limit", None, None),
    ("mode", 3, 3),
    ("mode", None, None),
    ("points", (1, 2.5), [1, 2.5]),
    ("points", [], []),
    ("weights", {"a": 1, "b": 0.5}, {"a": 1, "b": 0.5}),
    ("day", "2026-02-28", "2026-02-28"),
    ("at", "2026-11-22T13:00:00+01:00", "2026-11-22T13:00:00+01:00"),
    ("at", "2026-11-22T13:00:00Z", "2026-11-22T13:00:00Z"),
    ("any", {"x": [None, {"y": "\u2028\u202e\x00'\"\\#\n"}]},
     {"x": [None, {"y": "\u2028\u202e\x00'\"\\#\n"}]}),
    ("either", ["a"], ["a"]),
    ("either", 2.0, 2),
    ("größe", 1, 1),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value", "kept"), FITTING, ids=lambda value: str(value)[:20])
def test_fitting_value_is_kept(name, value, kept):
    found = checked(**{name: value})[name]
    assert found == kept
    assert type(found) is type(kept)


WRONG = [
    ("n", True, "parameter.type", "n"),
    ("n", "1", "parameter.type", "n"),
    ("n", 1.5, "parameter.type", "n"),
    ("n", None, "parameter.type", "n"),
    ("rate", "0.5", "parameter.type", "rate"),
    ("rate", False, "parameter.type", "rate"),
    ("rate", 1.1, "parameter.value", "rate"),
    ("name", 5, "parameter.type", "name"),
    ("on", 1, "parameter.type", "on"),
    ("on", "true", "parameter.type", "on"),
    ("limit", "x", "parameter.type", "limit"),
    ("mode", "quick", "parameter.value", "mode"),
    ("mode", True, "parameter.value", "mode"),
    ("points", "1,2", "parameter.type", "points"),
    ("points", [1, "2"], "parameter.type", "points[1]"),
    ("weights", {"a": "x"}, "parameter.type", "weights.a"),
    ("weights", [1], "parameter.type", "weights"),
    ("day", "2026-02-30", "parameter.value", "day"),
    ("day", "20260228", "parameter.value", "day"),
    ("at", "2026-11-22T13:00:00", "parameter.value", "at"),
    ("either", "x", "parameter.type", "either"),
    ("either", [1], "parameter.type", "either[0]"),
]


@pytest.mark.parametrize(("name", "value", "code", "field"), WRONG)
def test_wrong_value_is_refused_naming_its_place(name, value, code, field):
    error = refused(**{name: value})
    assert (error.code, error.field) == (code, field)
    assert isinstance(error, ParameterTypeError) is (code == "parameter.type")
    assert "daily" in error.message


def test_type_taken_from_a_default_is_explained():
    hint = refused(n=1.5).hint
    assert "default 1" in hint
    assert "n: float" in hint
    assert refused(rate="x").hint is None


def test_all_missing_are_named_at_once():
    with pytest.raises(ParameterError) as caught:
        parameters.check(SCHEMA, {"n": 1}, what="daily")
    assert caught.value.code == "parameter.missing"
    assert "name, rate" in caught.value.message


def test_unknown_parameter_is_answered_with_the_nearest():
    error = refused(wieghts={})
    assert (error.code, error.field) == ("parameter.unknown", "wieghts")
    assert "'weights'" in error.hint
    assert "largest" not in refused(xyz=1).hint


NAMES = ["x; import os; y", "x y", "class", "__builtins__", "", "1x", "ñ", "x.y", "x" * 65, "x\n"]


@pytest.mark.parametrize("name", [*NAMES, 5, None], ids=str)
def test_name_that_could_be_code_is_refused_even_where_any_are_taken(name):
    for schema in (SCHEMA, {}, {"type": "object"}):
        with pytest.raises(ParameterError) as caught:
            parameters.check(schema, {name: 1}, what="daily", partial=True)
        assert caught.value.code == "parameter.name"


def test_schema_that_says_nothing_takes_any_names():
    assert parameters.check({}, {"a": 1, "b": None}, what="daily") == {"a": 1, "b": None}


class Colour(enum.Enum):
    RED = "red"


class Colour2(enum.IntEnum):
    RED = 1


@dataclass
class Point:
    x: int
    y: int


PLAIN = [
    (Colour.RED, "red"),
    (dt.date(2026, 1, 2), "2026-01-02"),
    (dt.datetime(2026, 1, 2, 3, tzinfo=dt.UTC), "2026-01-02T03:00:00+00:00"),
    (dt.time(7, 30), "07:30:00"),
    (Path("a/b.csv"), "a/b.csv"),
    (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    ((1, (2,)), [1, [2]]),
    (dt.timedelta(hours=26), "P1DT2H"),
    (Decimal("1.50"), "1.50"),
    (Point(1, 2), {"x": 1, "y": 2}),
    (Colour2.RED, 1),
]


@pytest.mark.parametrize(("value", "kept"), PLAIN, ids=lambda value: str(value)[:20])
def test_python_value_with_one_json_form_takes_it(value, kept):
    assert checked(any=value) == {"any": kept}


def test_pydantic_model_is_an_object():
    pydantic = pytest.importorskip("pydantic")

    class Point(pydantic.BaseModel):
        day: dt.date

    assert checked(any=Point(day=dt.date(2026, 1, 2))) == {"any": {"day": "2026-01-02"}}


SPECIAL = {
    "type": "object",
    "properties": {
        "ids": {"type": "array", "uniqueItems": True, "items": {"type": "integer"}},
        "raw": {"type": "string", "contentEncoding": "base64"},
        "rate": {"type": "number"},
        "small": {"type": "number", "maximum": 5},
        "n": {"type": "integer"},
        "at": {"type": "string", "format": "date-time-local"},
        "span": {"type": "string", "format": "duration"},
        "price": {"type": "string", "format": "decimal"},
        "secret": {"type": "string", "writeOnly": True},
        "text": {"type": "string"},
    },
    "additionalProperties": False,
}
NAN, INF = {"$float": "nan"}, {"$float": "inf"}
TAKEN = [
    ("ids", {3, 1}, [1, 3]),
    ("raw", b"\x00a", "AGE="),
    ("raw", "AGE=", "AGE="),
    ("rate", float("inf"), INF),
    ("rate", NAN, NAN),
    ("rate", -0.0, -0.0),
    ("at", "2026-11-22T13:00:00", "2026-11-22T13:00:00"),
    ("at", dt.datetime(2026, 11, 22), "2026-11-22T00:00:00"),
    ("span", dt.timedelta(1), "P1D"),
    ("price", Decimal("-1.10"), "-1.10"),
]


@pytest.mark.parametrize(("name", "value", "kept"), TAKEN, ids=str)
def test_what_json_has_not_is_taken_where_the_parameter_takes_it(name, value, kept):
    found = parameters.check(SPECIAL, {name: value}, what="daily")[name]
    assert str(found) == str(kept)


NOT_TAKEN = [
    ("ids", [1, 1], "parameter.value"),
    ("ids", {"a"}, "parameter.type"),
    ("raw", "no base64", "parameter.value"),
    ("n", float("nan"), "parameter.number"),
    ("n", NAN, "parameter.type"),
    ("text", NAN, "parameter.type"),
    ("small", INF, "parameter.value"),
    ("rate", {"$float": "many"}, "parameter.type"),
    ("at", "2026-11-22T13:00:00Z", "parameter.value"),
    ("span", "1h", "parameter.value"),
    ("price", "1,50", "parameter.value"),
]


@pytest.mark.parametrize(("name", "value", "code"), NOT_TAKEN, ids=str)
def test_and_nowhere_else(name, value, code):
    with pytest.raises(ParameterError) as caught:
        parameters.check(SPECIAL, {name: value}, what="daily")
    assert caught.value.code == code


@pytest.mark.parametrize("value", ["hunter2hunter2", "url?key=hunter2hunter2&x", "pin9"])
def test_a_secret_written_out_is_refused(value):
    masking.register_secret("hunter2hunter2")
    masking.register_secret("pin9")
    for each in (value, [{"a": value}], {value: 1}):
        error = refused(any=each)
        assert (error.code, error.field) == ("parameter.looks_secret", "any")
        assert value not in str(error)
    assert checked(any="spin9ach") == {"any": "spin9ach"}
    with pytest.raises(ParameterError, match="holds a secret"):
        parameters.check(SPECIAL, {"secret": value}, what="daily")


def test_what_a_schema_calls_a_secret_is_not_kept_as_it_is_written():
    hidden = {"anyOf": [{"type": "string", "writeOnly": True}, {"type": "null"}]}
    login = {"type": "object", "properties": {"user": {"type": "string"}, "password": hidden}}
    schema = {
        "properties": {
            "token": hidden,
            "login": {"$ref": "#/$defs/Login"},
            "many": {"items": login},
        },
        "$defs": {"Login": login},
    }
    reference = {"$ref": {"block_document_slug": "secret/api-key"}}
    taken = {"token": reference, "login": {"user": "me", "password": None}}
    assert parameters.check(schema, taken, what="daily") == taken
    for written in ({"token": "x"}, {"login": {"password": "x"}}, {"many": [{"password": "x"}]}):
        with pytest.raises(ParameterError) as caught:
            parameters.check(schema, written, what="daily")
        assert caught.value.code == "parameter.looks_secret"
        assert parameters.check(schema, written, what="daily", kept=False) == written


def test_unique_items_are_found_in_a_long_list_at_once():
    many = list(range(50_000))
    assert parameters.check(SPECIAL, {"ids": many}, what="daily") == {"ids": many}


def test_too_large_is_413_and_what_contains_itself_names_where():
    assert refused(any="x" * 600_000).status == 413
    assert refused(any={"a": cyclic()}).field == "any.a[0]"


def test_numpy_scalar_is_a_number():
    numpy = pytest.importorskip("numpy")
    assert checked(n=numpy.int64(3), rate=numpy.float32(0.5)) == {"n": 3, "rate": 0.5}
    assert refused(any=numpy.zeros(3)).code == "parameter.type"


def cyclic():
    value = []
    value.append(value)
    return value


def nested(depth):
    value = 1
    for _ in range(depth):
        value = [value]
    return value


NO_JSON = [
    (float("nan"), "parameter.number"),
    ([float("inf")], "parameter.number"),
    (10**5000, "parameter.number"),
    ("\ud800", "parameter.text"),
    ({"\udfff": 1}, "parameter.text"),
    ({1: 2}, "parameter.type"),
    ({1, 2}, "parameter.type"),
    (b"x", "parameter.type"),
    (object(), "parameter.type"),
    (lambda: 1, "parameter.type"),
    (nested(33), "parameter.too_deep"),
    (cyclic(), "parameter.cyclic"),
    ("x" * 600_000, "parameter.too_large"),
    ("ü" * 300_000, "parameter.too_large"),
    ([0] * 10**6, "parameter.too_large"),
]


@pytest.mark.parametrize(("value", "code"), NO_JSON, ids=lambda value: names.shown(value, 12))
def test_value_json_cannot_hold_is_refused(value, code):
    error = refused(any=value)
    assert error.code == code
    assert len(str(error)) < 300


def test_depth_of_32_is_taken():
    assert checked(any=nested(32)) == {"any": nested(32)}


def test_parameters_that_are_no_object_are_refused():
    for values in ([], None, "n=1", 5):
        with pytest.raises(ParameterError):
            parameters.check(SCHEMA, values, what="daily")


# -- text -------------------------------------------------------------------------------------

TEXTS = [
    ("n", "5", 5),
    ("n", " -5 ", -5),
    ("rate", "0.25", 0.25),
    ("rate", "1", 1),
    ("rate", "1e-3", 0.001),
    ("name", "5", "5"),
    ("name", "null", "null"),
    ("name", "[1]", "[1]"),
    ("name", "", ""),
    ("name", " a ", " a "),
    ("on", "true", True),
    ("on", "False", False),
    ("limit", "null", None),
    ("limit", "None", None),
    ("limit", "7", 7),
    ("mode", "fast", "fast"),
    ("mode", "3", 3),
    ("mode", "null", None),
    ("points", "[1, 2.5]", [1, 2.5]),
    ("weights", '{"a": 1}', {"a": 1}),
    ("either", "3", 3),
    ("either", '["x"]', ["x"]),
    ("any", "1.5", 1.5),
    ("any", "abc", "abc"),
    ("any", "None", None),
    ("any", '{"a": [1]}', {"a": [1]}),
    ("day", "2026-01-02", "2026-01-02"),
]


@pytest.mark.parametrize(("name", "text", "value"), TEXTS)
def test_text_is_read_by_the_schemas_type(name, text, value):
    found = parameters.from_text(SCHEMA, name, text)
    assert found == value
    assert type(found) is type(value)
    assert checked(**{name: found}) == {name: value}


WRONG_TEXTS = [
    ("n", "x", "parameter.type"),
    ("n", "1.5", "parameter.type"),
    ("n", "", "parameter.type"),
    ("n", "٣", "parameter.type"),
    ("n", "1_000", "parameter.type"),
    ("rate", "fast", "parameter.type"),
    ("on", "maybe", "parameter.type"),
    ("mode", "fsat", "parameter.value"),
    ("points", "1,2", "parameter.type"),
    ("points", "[1,", "parameter.json"),
    ("weights", "{a: 1}", "parameter.json"),
    ("nn", "1", "parameter.unknown"),
    ("n n", "1", "parameter.name"),
]


@pytest.mark.parametrize(("name", "text", "code"), WRONG_TEXTS)
def test_text_of_the_wrong_type_is_refused(name, text, code):
    with pytest.raises(ParameterError) as caught:
        parameters.from_text(SCHEMA, name, text)
    assert caught.value.code == code


@given(st.text(), st.sampled_from(sorted(SCHEMA["properties"])))
def test_any_text_is_a_value_or_a_clear_refusal(text, name):
    try:
        checked(**{name: parameters.from_text(SCHEMA, name, text)})
    except InvalidInput as error:
        refusal = error.problem()
    else:
        refusal = {"code": "parameter.", "field": name}
    assert refusal["code"].startswith("parameter.")
    assert refusal["field"].startswith(name)


# -- the schema language, against jsonschema --------------------------------------------------

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.sampled_from([0.5, 2.0, -1.0])
    | st.sampled_from(["", "a", "ab", "abc", "2026-01-02"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner),
    max_leaves=6,
)
KINDS = st.sampled_from(["null", "boolean", "integer", "number", "string", "array", "object"])


def schemas(inner):
    return st.fixed_dictionaries(
        {},
        optional={
            "type": KINDS | st.lists(KINDS, min_size=1, max_size=3, unique=True),
            "enum": st.lists(st.sampled_from(["a", 1, None, 0.5]), min_size=1, unique=True),
            "const": st.sampled_from([1, "a", None]),
            "minimum": st.integers(-2, 2),
            "exclusiveMaximum": st.integers(-2, 2),
            "multipleOf": st.sampled_from([2, 0.5]),
            "minLength": st.integers(0, 3),
            "maxLength": st.integers(0, 3),
            "pattern": st.just("^a"),
            "minItems": st.integers(0, 2),
            "maxItems": st.integers(0, 2),
            "items": inner,
            "prefixItems": st.lists(inner, min_size=1, max_size=2),
            "properties": st.dictionaries(st.sampled_from("abc"), inner, max_size=2),
            "required": st.lists(st.sampled_from("abc"), max_size=2, unique=True),
            "additionalProperties": inner | st.booleans(),
            "anyOf": st.lists(inner, min_size=1, max_size=2),
            "allOf": st.lists(inner, min_size=1, max_size=2),
            "$ref": st.sampled_from(["#/$defs/one", "#/$defs/two"]),
        },
    )


SCHEMAS = st.recursive(st.just({}), schemas, max_leaves=4)
DEFINED = {"$defs": {"one": {"type": "integer"}, "two": {"items": {"$ref": "#/$defs/one"}}}}


@settings(deadline=None, max_examples=300)
@given(SCHEMAS, VALUES)
def test_agrees_with_jsonschema_on_what_fits(schema, value):
    root = {**schema, **DEFINED}
    try:
        conform(value, root, root=root, at="x")
        fits = True
    except Mismatch:
        fits = False
    assert fits is jsonschema.Draft202012Validator(root).is_valid(value)


def test_recursive_schema_ends():
    tree = {"$ref": "#/$defs/tree", "$defs": {"tree": {"items": {"$ref": "#/$defs/tree"}}}}
    assert conform([[], [[]]], tree, root=tree, at="x") == [[], [[]]]
    loop = {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/a"}}}
    assert conform(5, loop, root=loop, at="x") == 5
    assert json.dumps(loop)
