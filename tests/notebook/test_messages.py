"""What is read of a message too large to be unpacked."""

from __future__ import annotations

import json

import pytest

from nbflow.notebook.messages import Huge

TEXT = 'a "quoted" é 🎈 \\ line\n\ttab \ud83d half ' * 20


@pytest.mark.parametrize("ascii_only", [True, False])
@pytest.mark.parametrize("order", [("name", "text"), ("text", "name")])
def test_the_beginning_of_a_stream_is_read_wherever_it_is_cut(ascii_only, order):
    content = {"name": "stderr", "text": TEXT}
    whole = json.dumps({key: content[key] for key in order}, ensure_ascii=ascii_only)
    data = memoryview(whole.encode("utf-8", "surrogatepass" if ascii_only else "replace"))
    said = TEXT if ascii_only else TEXT.replace("\ud83d", "?")
    longest = 0
    for most in range(40, 600):
        name, text = Huge(data).stream(most)
        assert name == "stderr"
        assert said.startswith(text) or said.startswith(text[:-1])
        assert len(text) >= longest - 1
        longest = max(longest, len(text))
    assert longest > 200


def test_what_is_no_stream_is_nothing():
    assert Huge(memoryview(b'{"data": {}}')).stream(100) == ("stdout", "")
