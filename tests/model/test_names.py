"""Names and tags: what is kept, what is refused, and what a typo meant."""

from __future__ import annotations

import pytest

from nbflow.exceptions import InvalidInput
from nbflow.model import names

KEPT = [
    (" daily report ", "daily report"),
    ("é".encode().decode(), "é"),
    ("e\u0301", "é"),
    ("שלום", "שלום"),
    ("👨‍👩‍👧 🎉" * 20, "👨‍👩‍👧 🎉" * 20),
    ("'; DROP TABLE", "'; DROP TABLE"),
    ("{{7*7}} ${x} %s".replace("%", ""), "{{7*7}} ${x} s"),
    ("=cmd()", "=cmd()"),
    ("раypal", "раypal"),
    ("x" * 255, "x" * 255),
]


@pytest.mark.parametrize(("given", "kept"), KEPT, ids=lambda value: ascii(value)[:20])
def test_name_is_trimmed_and_composed(given, kept):
    assert names.check_name(given) == kept


REFUSED = ["", "   ", "x" * 256, "🎉" * 256, "a/b", "100%", "a&b", "<b>", "a\nb", "a\x00b",
           "a\u202eb", "a\ufeffb", "a\u2028b", "a\x7fb", "\ud800", None, 5, ["x"]]  # fmt: skip


@pytest.mark.parametrize("given", REFUSED, ids=lambda value: ascii(value)[:20])
def test_wrong_name_is_refused_naming_the_field(given):
    with pytest.raises(InvalidInput) as caught:
        names.check_name(given, field="work_pool")
    assert (caught.value.code, caught.value.field) == ("name.invalid", "work_pool")
    assert len(str(caught.value)) < 250


def test_tags_keep_their_order():
    assert names.check_tags([" b ", "a"]) == ("b", "a")
    assert names.check_tags(()) == ()


TAGS = [["a", "a"], ["a", " a"], ["x" * 65], [""], [5], [["a"]], "abc", {"a": 1}, None,
        [str(n) for n in range(51)]]  # fmt: skip


@pytest.mark.parametrize("given", TAGS, ids=lambda value: str(value)[:20])
def test_wrong_tags_are_refused(given):
    with pytest.raises(InvalidInput) as caught:
        names.check_tags(given)
    assert caught.value.code == "tags.invalid"


def test_control_character_in_a_tag_is_refused():
    with pytest.raises(InvalidInput, match=r"U\+0007"):
        names.check_tags(["bell\x07"])


def test_typo_is_answered_with_what_was_meant():
    known = ["timezone", "parameters"]
    assert names.nearest("paramaters", known) == "parameters"
    assert names.nearest("TimeZone", known) == "timezone"
    assert names.nearest("xyz", known) is None
    assert names.did_you_mean("xyz", known, "Known are") == "Known are parameters, timezone."
    assert names.did_you_mean("xyz", [], "Known are") == "There are none."


def test_long_values_are_shown_short_and_escaped():
    assert names.shown("x" * 10**6) == "'" + "x" * 59 + "…"
    assert names.shown("a\x1b[31m\u202e") == "'a\\x1b[31m\\u202e'"
    assert names.shown(5) == "5"
    assert names.shown(["é", None]) == "['\\xe9', None]"
    assert names.shown(10**5000) == "<int>"
    assert len(names.shown([["x" * 100] * 10**6])) < 70


@pytest.mark.parametrize("made", ["a/b", "50 %", "<b>&", "a\nb", "\u202eab", "\n", "x" * 999])
def test_what_code_made_becomes_a_name(made: str) -> None:
    assert names.check_name(names.tidied(made)) == names.tidied(made)
