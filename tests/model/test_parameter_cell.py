"""From a parameters cell to a schema: types, defaults, descriptions; and nothing is evaluated."""

from __future__ import annotations

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbflow.exceptions import InvalidNotebook
from nbflow.model import parameters
from nbflow.model.parameter_cell import schema

ENUM = "from enum import Enum\nclass Colour(Enum):\n    RED = 'red'\n    BLUE = 'blue'\n"
INFERRED = {"x-inferred": True}
SECRET = {"type": "string", "format": "password", "writeOnly": True}
TUPLE = {"x-python": "tuple"}

CELLS = [
    # annotations
    ("n: int = 10", {"type": "integer", "default": 10}),
    ("x: float = 1", {"type": "number", "default": 1}),
    ("s: str = 'a'", {"type": "string", "default": "a"}),
    ("b: bool = True", {"type": "boolean", "default": True}),
    ("n: int | None = None", {"type": ["integer", "null"], "default": None}),
    ("n: None | int = 3", {"type": ["null", "integer"], "default": 3}),
    ("n: Optional[int] = None", {"type": ["integer", "null"], "default": None}),
    ("n: typing.Optional[int] = 1", {"type": ["integer", "null"], "default": 1}),
    ("n: Union[int, str] = 1", {"type": ["integer", "string"], "default": 1}),
    ("n: int = None", {"type": ["integer", "null"], "default": None}),
    ("m: Literal['a', 'b', 3] = 'a'", {"enum": ["a", "b", 3], "default": "a"}),
    ("m: Literal['a'] | None = None",
     {"anyOf": [{"enum": ["a"]}, {"type": "null"}], "default": None}),
    ("m: Literal['a', 'b'] = None", {"enum": ["a", "b", None], "default": None}),
    ("xs: list[int] = [1, 2]",
     {"type": "array", "items": {"type": "integer"}, "default": [1, 2]}),
    ("xs: List[float] = []", {"type": "array", "items": {"type": "number"}, "default": []}),
    ("xs: list = []", {"type": "array", "default": []}),
    ("xs: list[list[str]] = []",
     {"type": "array", "items": {"type": "array", "items": {"type": "string"}}, "default": []}),
    ("xs: list[int] | None = None",
     {"anyOf": [{"type": "array", "items": {"type": "integer"}}, {"type": "null"}],
      "default": None}),
    ("t: tuple[int, str] = (1, 'a')",
     {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}],
      "minItems": 2, "maxItems": 2, "default": [1, "a"], **TUPLE}),
    ("t: tuple[int, ...] = ()",
     {"type": "array", "items": {"type": "integer"}, "default": [], **TUPLE}),
    ("u: set[int] = {3, 1}",
     {"type": "array", "uniqueItems": True, "items": {"type": "integer"}, "default": [3, 1]}),
    ("u: frozenset = set()", {"type": "array", "uniqueItems": True, "default": []}),
    ("d: dict[str, float] = {'a': 1}",
     {"type": "object", "additionalProperties": {"type": "number"}, "default": {"a": 1}}),
    ("d: dict = {}", {"type": "object", "default": {}}),
    ("d: dict[str, Any] = {}", {"type": "object", "default": {}}),
    ("d: dict[int, str] = {}", {"x-annotation": "dict[int, str]", "default": {}}),
    ("day: datetime.date = '2026-01-01'",
     {"type": "string", "format": "date", "default": "2026-01-01"}),
    ("day: date", {"type": "string", "format": "date"}),
    ("at: datetime.datetime = None",
     {"type": ["string", "null"], "format": "date-time", "default": None}),
    ("p: SecretStr = None",
     {"type": ["string", "null"], "format": "password", "writeOnly": True, "default": None}),
    ("from nbflow.blocks import SecretStr\np: SecretStr", SECRET),
    ("p: pydantic.SecretBytes = b'hunter2'", {**SECRET, "x-source": "********"}),
    ("p: SecretStr = SecretStr('hunter2')", {**SECRET, "x-source": "********"}),
    ("p: Optional[SecretStr] = 'hunter2'",
     {"anyOf": [SECRET, {"type": "null"}], "x-source": "********"}),
    ("n: 'int' = 1", {"type": "integer", "default": 1}),
    ("n: Annotated[int, 'how many'] = 1", {"type": "integer", "default": 1}),
    ("df: pd.DataFrame = None", {"x-annotation": "pd.DataFrame", "default": None}),
    ("n: (lambda: 1)() = 1", {"x-annotation": "(lambda: 1)()", "default": 1}),
    (ENUM + "c: Colour = Colour.RED",
     {"enum": ["red", "blue"], "x-enum": "Colour", "default": "red"}),
    (ENUM + "c: Colour = Colour('blue')",
     {"enum": ["red", "blue"], "x-enum": "Colour", "default": "blue"}),
    (ENUM + "c = Colour['RED']",
     {"enum": ["red", "blue"], "x-enum": "Colour", "default": "red", **INFERRED}),
    (ENUM + "c: Literal[Colour.RED] = Colour.RED",
     {"enum": ["red"], "x-enum": "Colour", "default": "red"}),
    (ENUM + "cs: list[Colour] = [Colour.RED]",
     {"type": "array", "items": {"enum": ["red", "blue"], "x-enum": "Colour"},
      "default": ["red"]}),
    ("class C(Enum):\n    A = auto()\nc: C = C.A", {"x-annotation": "C", "x-source": "C.A"}),
    ("class C(Enum):\n    A = (1, 2)\nc: C = C.A", {"x-annotation": "C", "x-source": "C.A"}),
    (ENUM + "c: Colour | None = None",
     {"anyOf": [{"enum": ["red", "blue"], "x-enum": "Colour"}, {"type": "null"}],
      "default": None}),
    # literals
    ("n = 1", {"type": "integer", "default": 1, **INFERRED}),
    ("n = -1_000", {"type": "integer", "default": -1000, **INFERRED}),
    ("x = 1.5", {"type": "number", "default": 1.5, **INFERRED}),
    ("s = 'a'", {"type": "string", "default": "a", **INFERRED}),
    ("b = False", {"type": "boolean", "default": False, **INFERRED}),
    ("xs = [1, 'a']", {"type": "array", "default": [1, "a"], **INFERRED}),
    ("xs = (1, 2)", {"type": "array", "default": [1, 2], **TUPLE, **INFERRED}),
    ("n = {1, 2}", {"type": "array", "uniqueItems": True, "default": [1, 2], **INFERRED}),
    ("b = b'a'", {"type": "string", "contentEncoding": "base64", "default": "YQ==", **INFERRED}),
    ("d = {'a': {'b': None}}", {"type": "object", "default": {"a": {"b": None}}, **INFERRED}),
    ("n = None", {"default": None}),
    ("s = '''two\nlines'''", {"type": "string", "default": "two\nlines", **INFERRED}),
    ("xs = [\n  1,  # one\n  2,\n]  # all",
     {"type": "array", "default": [1, 2], "description": "all", **INFERRED}),
    # what is not a literal is never evaluated
    ("n = f(1)", {"x-source": "f(1)"}),
    ("n: int = f(1)", {"type": "integer", "x-source": "f(1)"}),
    ("n = 1 + 1", {"x-source": "1 + 1"}),
    ("n = [x for x in y]", {"x-source": "[x for x in y]"}),
    ("n = {1: 2}", {"x-source": "{1: 2}"}),
    ("n = 1e999", {"x-source": "1e999"}),
    ("n = 1j", {"x-source": "1j"}),
    ("n = '\\ud800'", {"x-source": "'\\ud800'"}),
    ("n = ...", {"x-source": "..."}),
    ("n = other", {"x-source": "other"}),
    ("n = float('1.5x')", {"x-source": "float('1.5x')"}),
    ("day = datetime.date.today()", {"x-source": "datetime.date.today()"}),
    ("day = date(2026, 2, 30)", {"x-source": "date(2026, 2, 30)"}),
    ("day = date(year, 1, 1)", {"x-source": "date(year, 1, 1)"}),
    ("d = dict(a=f())", {"x-source": "dict(a=f())"}),
    ("d = dict(other, a=1)", {"x-source": "dict(other, a=1)"}),
    ("c: Colour = Colour.RED", {"x-annotation": "Colour", "x-source": "Colour.RED"}),
    ("p: Folder = Path('x')", {"x-annotation": "Folder", "x-source": "Path('x')"}),
    ("xs = [Path('x'), 1]", {"x-source": "[Path('x'), 1]"}),
    ("from plumbum import Path\np = Path('x')", {"x-source": "Path('x')"}),
    ("class date: pass\nd: date = date(2026, 1, 1)",
     {"x-annotation": "date", "x-source": "date(2026, 1, 1)"}),
    ("import moment as dt\nd = dt.date(2026, 1, 1)", {"x-source": "dt.date(2026, 1, 1)"}),
    ("n = 5\nn *= 2", {"x-source": "n * 2"}),
    # calls that only write a value down
    ("day = datetime.date(2026, 1, 2)",
     {"type": "string", "format": "date", "default": "2026-01-02", **INFERRED}),
    ("day: date = dt.date(2026, 1, 2)",
     {"type": "string", "format": "date", "default": "2026-01-02"}),
    ("day = date.fromisoformat('2026-01-02')",
     {"type": "string", "format": "date", "default": "2026-01-02", **INFERRED}),
    ("at: datetime = datetime(2026, 1, 2, 3)",
     {"type": "string", "format": "date-time-local", "default": "2026-01-02T03:00:00"}),
    ("at: datetime = datetime(2026, 1, 2, tzinfo=timezone.utc)",
     {"type": "string", "format": "date-time", "default": "2026-01-02T00:00:00+00:00"}),
    ("at: datetime.time = datetime.time(7, 30)",
     {"type": "string", "format": "time", "default": "07:30:00"}),
    ("span: timedelta = timedelta(days=1, hours=-2)",
     {"type": "string", "format": "duration", "default": "PT22H"}),
    ("p: Path = Path('data', 'x.csv')",
     {"type": "string", "format": "path", "default": "data/x.csv"}),
    ("p: Path | None = None",
     {"anyOf": [{"type": "string", "format": "path"}, {"type": "null"}], "default": None}),
    ("d = dict(a=1, b=[2])", {"type": "object", "default": {"a": 1, "b": [2]}, **INFERRED}),
    ("price: Decimal = Decimal('1.50')",
     {"type": "string", "format": "decimal", "default": "1.50"}),
    ("rate: float = float('nan')", {"type": "number", "default": {"$float": "nan"}}),
    ("days = [date(2026, 1, 2)]",
     {"type": "array", "items": {"type": "string", "format": "date"}, "default": ["2026-01-02"],
      **INFERRED}),
    # what Annotated adds
    ("n: Annotated[int, Field(ge=0, lt=10)] = 1",
     {"type": "integer", "minimum": 0, "exclusiveMaximum": 10, "default": 1}),
    ("n: Annotated[float, Gt(0), Le(1.5)] = 1",
     {"type": "number", "exclusiveMinimum": 0, "maximum": 1.5, "default": 1}),
    ("s: Annotated[str, Field(pattern='a+', max_length=3, description='As')] = 'a'",
     {"type": "string", "pattern": "a+", "maxLength": 3, "description": "As", "default": "a"}),
    ("xs: Annotated[list[int], MinLen(1)] = [1]",
     {"type": "array", "items": {"type": "integer"}, "minItems": 1, "default": [1]}),
    ("n: Annotated[int, Field(ge=f(), pattern='(', description=other)] = 1",
     {"type": "integer", "default": 1}),
    ("n: Annotated[Foo, Field(ge=0)] = 1", {"x-annotation": "Annotated[Foo, Field(ge=0)]",
                                            "default": 1}),
    ("n = f(\n  1,\n)", {"x-source": "f(\n  1,\n)"}),
    # comments
    ("n = 1  # how many", {"type": "integer", "default": 1, "description": "how many", **INFERRED}),
    ("n: int = 1  ## how # many",
     {"type": "integer", "default": 1, "description": "how # many"}),
    ("s = 'a # b'", {"type": "string", "default": "a # b", **INFERRED}),
    ("# above\nn: int = 1", {"type": "integer", "default": 1}),
    ("x = 3  # type: float  # a rate",
     {"type": "number", "default": 3, "description": "a rate"}),
    ("x = 3  # type: list[str", {"type": "integer", "default": 3,
                                  "description": "type: list[str", **INFERRED}),
]  # fmt: skip


@pytest.mark.parametrize(("source", "expected"), CELLS, ids=lambda value: str(value)[-40:])
def test_one_parameter(source, expected):
    made = schema(source)
    jsonschema.Draft202012Validator.check_schema(made)
    (found,) = made["properties"].values()
    assert found.pop("x-order") == 0
    assert found == expected


def test_several_names_keep_their_order_and_the_last_default():
    made = schema("a = b = 1\nc, (d, e) = 2, ('x', f())\na = 5\ng, h = f()\nself.x = 1\ny[0] = 2")
    found = made["properties"]
    assert list(found) == ["a", "b", "c", "d", "e", "g", "h"]
    assert [each["x-order"] for each in found.values()] == list(range(7))
    assert found["a"]["default"] == 5
    assert found["d"]["default"] == "x"
    assert found["e"]["x-source"] == "f()"
    assert found["h"]["x-source"] == "f()[1]"


def test_name_without_a_default_is_required_until_it_has_one():
    assert schema("n: int\nm: str = 'a'")["required"] == ["n"]
    assert "required" not in schema("n: int\nn = 5")


def test_an_annotation_holds_for_later_assignments():
    found = schema("n: float = 1  # how many\nn = 5")["properties"]["n"]
    assert (found["type"], found["default"]) == ("number", 5)
    assert schema("x: date\nx = '2026-01-01'")["properties"]["x"]["format"] == "date"


def test_what_assigns_nothing_is_passed_over():
    functions = "def f(): x = 1\nclass A: y = 2\nif True:\n    z = 1"
    made = schema(f"import os\n{functions}\nn += 1\nf()\n'doc'")
    assert made["properties"] == {}


MAGICS = [
    "%matplotlib inline\nn = 1",
    "!pip install x\nn = 1",
    "n = 1\nfiles = !ls\nhere = %pwd",
    "?n\nn = 1\nn?",
    "%%time\nn = 1",
    "    %load_ext x\nn = 1",
    "text = '''\n%not magic\n'''\n%magic\nn = 1",
]


@pytest.mark.parametrize("source", MAGICS)
def test_magics_are_passed_over(source):
    found = schema(source)["properties"]
    assert found["n"]["default"] == 1
    assert set(found) <= {"n", "text"}
    assert found.get("text", {}).get("default", "\n%not magic\n") == "\n%not magic\n"


BAD = ["n = = 1", "n = (", "%%bash\necho $x (", "n = 1\x00", "(" * 10_000, "-" * 10**5 + "1"]


@pytest.mark.parametrize("source", BAD, ids=lambda source: ascii(source)[:20])
def test_what_is_not_python_is_refused(source):
    with pytest.raises(InvalidNotebook) as caught:
        schema(source)
    assert (caught.value.code, caught.value.field) == ("notebook.parameters", "parameters")


def test_huge_cell_is_refused():
    with pytest.raises(InvalidNotebook, match="KB"):
        schema("n = 1\n" * 100_000)


def test_nothing_runs(tmp_path):
    mark = tmp_path / "ran"
    touch = f"open({str(mark)!r}, 'w').close()"
    enum = f"class E(Enum):\n    A = {touch}"
    schema(f"a = {touch}\nb: {touch} = 1\nc = [{touch}]\n{enum}\n{touch}")
    schema(f"d: {touch!r} = 1\ne = 1  # type: {touch}")
    assert not mark.exists()


ANNOTATIONS = ["", ": int", ": list[str]", ": Optional[float]", ": Literal[1, 2]", ": Foo[bar]"]
VALUES = ["", " = 1", " = 'x'", " = None", " = f()", " = [1, None]", " = {'a': 1}", " = -2.5"]


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.sampled_from(ANNOTATIONS), st.sampled_from(VALUES)),
        max_size=4,
    ),
    st.text(max_size=20),
)
def test_any_cell_gives_a_true_schema_or_a_clear_refusal(lines, comment):
    source = "\n".join(f"{name}{kind}{value}  # {comment}" for name, kind, value in lines)
    try:
        made = schema(source)
    except InvalidNotebook:
        return
    jsonschema.Draft202012Validator.check_schema(made)


def test_a_cells_own_defaults_fit_its_schema():
    source = "\n".join(source for source, _ in CELLS if "\n" not in source and source[1:2] == ":")
    made = schema(source)
    defaults = {n: p["default"] for n, p in made["properties"].items() if "default" in p}
    assert len(defaults) > 5
    assert parameters.check(made, defaults, what="x", partial=True) == defaults
