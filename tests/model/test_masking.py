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


FORMATS = [
    "AKIAIOSFODNN7EXAMPLE",
    "ASIAIOSFODNN7EXAMPLE",
    "ghp_" + "a1B2" * 9,
    "gho_" + "a1B2" * 9,
    "github_pat_" + "11ABCDEFG0" + "x" * 50,
    "xoxb-123456789012-abcdefABCDEF",
    "xoxe.xoxp-1-Mi0yLTEyMzQ1Njc4OTAx",
    "AIza" + "SyA1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q",
    "ya29." + "a0AfH6SMBx" * 4,
    "sk_live_" + "4eC39HqLyjWDarjtT1zdp7dc",
    "rk_test_" + "4eC39HqLyjWDarjtT1zdp7dc",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P",
    "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQ\nabcd==\n-----END PRIVATE KEY-----",
    "-----BEGIN RSA PRIVATE KEY-----\\nMIIEvQIBADANBgk\\nx=\\n-----END RSA PRIVATE KEY-----",
    "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQ==",
]


@pytest.mark.parametrize("secret", FORMATS, ids=range(len(FORMATS)))
def test_what_says_itself_that_it_is_a_secret_is_masked_though_nobody_registered_it(
    secret: str,
) -> None:
    masked = masking.mask(f"key={secret}, and more")
    assert masked == f"key={masking.MASK}, and more"
    assert masking.mask_json({"a": [secret]}) == {"a": [masking.MASK]}


@pytest.mark.parametrize(
    "text",
    ["https://slack.com/help", "a_gh_word", "task_live_view", "BEGIN PRIVATE KEY", "eyJ.eyJ.x",
     "AKIA", "xox", "sk_learn_model", "x" * 1000 + "_gh"],
)  # fmt: skip
def test_what_only_begins_like_one_is_left_alone(text: str) -> None:
    assert masking.mask(text) == text


def test_a_slack_webhooks_path_is_masked() -> None:
    said = masking.mask("POST https://hooks.slack.com/services/T0/B0/" + "x" * 24)
    assert said == f"POST https://hooks.slack.com/{masking.MASK}"


@pytest.mark.parametrize("secret", ["hunter2hunter2", "ababab", "line one\nline two", "aXaXbaX"])
def test_a_secret_cut_anywhere_by_a_stream_is_masked(secret: str) -> None:
    masking.register_secret(secret)
    text = f"before {secret[:3]} {secret}{secret} between {secret}"
    for one in range(1, len(text)):
        for other in (one + 1, one + 3, one + len(secret)):
            carry = masking.Carry()
            pieces = [text[:one], text[one:other], text[other:]]
            told = "".join(map(carry.take, pieces)) + carry.rest()
            assert told == masking.mask(text)


def test_what_begins_like_a_secret_is_told_once_it_is_none() -> None:
    masking.register_secret("hunter2hunter2")
    carry = masking.Carry()
    assert carry.take("say hunt") == "say "
    assert carry.take("ing") == "hunting"
    assert carry.take("hun") == ""
    assert carry.rest() == "hun"


def test_whoever_listens_is_told_of_all_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(masking, "_listeners", [])
    heard: list[frozenset[str]] = []
    masking.register_secret("first-secret")
    masking.listen(heard.append)
    masking.register_secret("second-secret")
    masking.register_secret("second-secret")
    assert heard == [frozenset({"first-secret"}), frozenset({"second-secret"})]
