"""Tables and images: their shapes, where they come from, and how long ones are cut."""

from __future__ import annotations

import base64
import json

import pytest

from nbflow import settings
from nbflow.artifacts import create_image_artifact, create_table_artifact


@pytest.mark.parametrize(
    ("table", "columns", "rows"),
    [
        ([{"a": 1, "b": 2}, {"a": 3, "c": 4}], ["a", "b", "c"], [[1, 2, None], [3, None, 4]]),
        ({"a": [1, 2], "b": ["x", None]}, ["a", "b"], [[1, "x"], [2, None]]),
        ([[1, 2], [3]], ["0", "1"], [[1, 2], [3, None]]),
        ([], [], []),
        ([{"x": float("nan")}, {"x": float("inf")}, {"x": 1j}], ["x"], [[None], [None], ["1j"]]),
        ([[2**60, "\ud800", "a\0b"]], ["0", "1", "2"], [[str(2**60), r"\ud800", r"a\0b"]]),
    ],
)
def test_a_table_is_made_from_any_of_its_shapes(data_of, table, columns, rows):
    assert data_of(create_table_artifact(table)) == {"columns": columns, "rows": rows}


def test_a_number_of_thousands_of_digits_is_a_text(data_of):
    (cell,) = data_of(create_table_artifact([[10**5000]]))["rows"][0]
    assert cell.startswith("0x")


def test_a_data_frame_is_a_table(data_of):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"n": [1, 2], "at": pandas.to_datetime(["2026-01-01", None])})
    data = data_of(create_table_artifact(frame))
    assert data == {"columns": ["n", "at"], "rows": [[1, "2026-01-01 00:00:00"], [2, "NaT"]]}


def test_an_index_that_says_something_is_a_column(data_of):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"n": [1, 2, 3], "of": list("aab"), "at": list("xyx")})
    counted = data_of(create_table_artifact(frame.groupby("of").sum(numeric_only=True)))
    assert counted == {"columns": ["of", "n"], "rows": [["a", 3], ["b", 3]]}
    both = data_of(create_table_artifact(frame.set_index(["of", "at"])))
    assert both["columns"] == ["of", "at", "n"]
    assert both["rows"][1] == ["a", "y", 2]


def test_a_long_table_says_how_long_it_was(data_of):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"n": range(1_000_000)})
    data = data_of(create_table_artifact(frame))
    assert (len(data["rows"]), data["total"]) == (10_000, 1_000_000)
    with settings.temporary(artifact_bytes=10_000):
        small = data_of(create_table_artifact([{"text": "x" * 90}] * 5000))
    assert 50 <= len(small["rows"]) <= 100
    assert small["total"] == 5000
    assert len(json.dumps(small)) <= 10_500


def test_an_image_comes_from_a_file_from_bytes_or_from_a_figure(data_of, dot, tmp_path):
    pytest.importorskip("matplotlib").use("Agg")
    from matplotlib.figure import Figure

    (tmp_path / "dot.png").write_bytes(dot)
    figure = Figure()
    figure.subplots().plot([1, 2])
    for image in (tmp_path / "dot.png", str(tmp_path / "dot.png"), dot, figure):
        data = data_of(create_image_artifact(image))
        assert data["mime"] == "image/png"
        assert base64.b64decode(data["base64"]).startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("content", "mime"),
    [
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"GIF89a", "image/gif"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
        (b"<svg xmlns='x'/>", "image/svg+xml"),
        (b"\xef\xbb\xbf\n<?xml version='1.0'?><!DOCTYPE svg><svg/>", "image/svg+xml"),
    ],
)
def test_an_image_is_known_by_how_it_begins(data_of, content, mime):
    assert data_of(create_image_artifact(content))["mime"] == mime


def test_an_image_elsewhere_is_named_by_its_address(data_of):
    url = "https://example.org/a.png"
    assert data_of(create_image_artifact(image_url=url)) == {"url": url}
    assert data_of(create_image_artifact(url)) == {"url": url}
