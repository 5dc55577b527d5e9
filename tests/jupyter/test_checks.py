"""A notebook's imports are tried by a process of its own, before it is deployed."""

from __future__ import annotations

from typing import Any


async def test_what_a_kernel_lacks_is_listed(ask: Any, write_notebook: Any) -> None:
    write_notebook("a.ipynb", "import json\nimport module_that_is_not_there")
    reply = await ask("POST", "notebooks/check", body={"path": "a.ipynb"})
    assert reply.status == 200, reply.json
    assert [item["module"] for item in reply.json["missing"]] == ["module_that_is_not_there"]
    assert reply.json["kernel_name"] == "python3"


async def test_what_cannot_be_tried_is_refused(ask: Any, write_notebook: Any) -> None:
    write_notebook("a.ipynb", "import json")
    gone = await ask("POST", "notebooks/check", body={"path": "gone.ipynb"})
    assert (gone.status, gone.json["code"]) == (404, "notebook.missing")
    kernel = await ask("POST", "notebooks/check", body={"path": "a.ipynb", "kernel_name": "nope"})
    assert (kernel.status, kernel.json["code"]) == (422, "kernel.missing")
    assert kernel.json["field"] == "kernel_name"
