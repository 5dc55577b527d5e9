"""Registered secrets are masked by value, whatever they are written as."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbflow.exceptions import InvalidInput
from nbflow.model import masking, texts

SECRET = 'pa ss/wörd"\n+1'


@pytest.mark.parametrize(
    "write",
    [
        str,
        repr,
        json.dumps,
        lambda text: json.dumps(text, ensure_ascii=False),
        quote,
        lambda text: quote(text, safe=""),
        quote_plus,
        lambda text: text.encode().hex(),
        lambda text: base64.b64encode(text.encode()).decode(),
        lambda text: base64.b64encode(b"user:" + text.encode()).decode(),
        lambda text: base64.b64encode(b"u:" + text.encode() + b"!").decode(),
        lambda text: base64.urlsafe_b64encode(b"u" + text.encode() + b"??").decode(),
    ],
)
def test_a_secret_is_masked_however_it_is_written(write):
    masking.register_secret(SECRET)
    masked = texts.safe(f"before {write(SECRET)} after")
    assert masking.MASK in masked
    assert masked.startswith("before ")
    assert masked.endswith(" after")
    for piece in ("pa ss", "wörd", "pa+ss", "pa%20ss", SECRET.encode().hex()[2:-2]):
        assert piece not in masked


def test_the_longest_secret_is_masked_first():
    masking.register_secret("hunter")
    masking.register_secret("hunter2000")
    assert masking.mask("hunter2000 hunter") == f"{masking.MASK} {masking.MASK}"


def test_bytes_are_masked_as_text():
    masking.register_secret(b"raw-token")
    assert masking.mask("is raw-token") == f"is {masking.MASK}"


@pytest.mark.parametrize("value", ["", "abc", "   a   ", b"xyz"])
def test_a_value_that_would_tear_texts_is_refused(value):
    with pytest.raises(InvalidInput, match="fewer than 4 characters") as caught:
        masking.register_secret(value)
    assert caught.value.code == "secret.short"
    assert masking.mask("abc xyz") == "abc xyz"


def test_masking_comes_before_cutting():
    masking.register_secret("a-long-secret")
    assert texts.safe("x" * 95 + "a-long-secret", longest=100) == (
        "x" * 95 + masking.MASK[:5] + "… (103 characters)"
    )


def test_nested_json_is_masked_with_its_keys():
    masking.register_secret("s3cret")
    value = {"s3cret": [1, None, {"deep": ("x s3cret y",)}], "n": 2.5}
    mask = masking.MASK
    assert masking.mask_json(value) == {mask: [1, None, {"deep": [f"x {mask} y"]}], "n": 2.5}


def test_what_is_nested_too_deep_is_left_out_rather_than_let_through():
    masking.register_secret("s3cret")
    value: object = "s3cret"
    for _ in range(100):
        value = [value]
    assert "s3cret" not in json.dumps(masking.mask_json(value))


def test_without_secrets_a_text_is_the_same_object():
    text = "nothing to hide"
    assert texts.safe(text) is text
    value = {"a": [text]}
    assert masking.mask_json(value) is value


@given(st.text(min_size=8, max_size=40), st.text(max_size=20), st.text(max_size=20))
def test_no_secret_passes(secret, before, after):
    if len(secret.strip()) < 8:
        return
    with masking.forgetting():
        masking.register_secret(secret)
        assert secret not in masking.mask(before + secret + after).replace(masking.MASK, "\uffff")


def test_lone_surrogates_and_nul_are_written_as_escapes():
    assert texts.safe("a\ud800b\0c") == "a\\ud800b\\0c"


def test_an_error_whose_text_fails_is_still_named():
    class Mute(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    assert texts.of_error(Mute()) == "Mute: (its text cannot be made)"
