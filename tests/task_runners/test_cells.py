"""What is defined in a notebook's cells runs on every task runner, in a real kernel."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

pytestmark = pytest.mark.timeout(300)

_DEFINITIONS = """
import os
from nbflow import flow, task, quote
from nbflow.task_runners import *

class Wrong(Exception):
    pass

class Pair:
    def __init__(self, one, two):
        self.one, self.two = one, two

def swapped(pair):
    return Pair(pair.two, pair.one)

@task
def swap(pair):
    if pair.one < 0:
        raise Wrong(pair.one)
    return swapped(pair)

@task
async def later(x):
    return x, os.getpid()

def try_all():
    pairs = swap.map([Pair(1, 2), Pair(-1, 0)])
    good, bad = pairs.result(raise_on_failure=False)
    value, pid = later.submit(5).result()
    return quote([isinstance(good, Pair), good.one, type(bad) is Wrong, value, pid == os.getpid()])
"""


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BlockingKernelClient]:
    """A kernel in which the cells above were run."""
    home = tmp_path_factory.mktemp("home")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("NBFLOW_")}
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(
        env=kept | {"NBFLOW_HOME": str(home / "nbflow"), "IPYTHONDIR": str(home / "ipython")},
        cwd=str(home),
    )
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=60)
        assert run(client, _DEFINITIONS) is None
        yield client
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def run(client: BlockingKernelClient, code: str, value: str = "None") -> object:
    """Run a cell; give a value of its namespace, as text."""
    reply = client.execute(code, user_expressions={"value": value}, reply=True, timeout=100)
    content = reply["content"]
    assert content["status"] == "ok", "\n".join(content["traceback"])
    text = content["user_expressions"]["value"]["data"]["text/plain"]
    return None if text == "None" else text


def test_functions_classes_and_exceptions_of_cells_work(kernel, kind, request):
    how = {
        "threads": "ThreadPoolTaskRunner(2)",
        "sequential": "SequentialTaskRunner()",
        "processes": "ProcessPoolTaskRunner(2)",
    }.get(kind)
    if kind == "dask":
        address = request.getfixturevalue("local_cluster").scheduler_address
        how = f"DaskTaskRunner({address!r})"
    elif how is None:
        how = f"DaskTaskRunner({request.getfixturevalue('scheduler_address')!r})"
    said = run(kernel, f"result = flow(try_all, task_runner={how})()", "result")
    here = kind in ("threads", "sequential")
    assert said == repr([True, 2, True, 5, here])
