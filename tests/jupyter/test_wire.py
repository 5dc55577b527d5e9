"""The front end's words are the model's."""

from __future__ import annotations

from nbflow_jupyter import wire


def test_the_front_ends_words_are_made_from_the_models() -> None:
    made = wire.TARGET.read_text(encoding="utf-8")
    assert made == wire.text(), "Run `python -m nbflow_jupyter.wire --write`."
