"""A flow is drawn by running its body with trackers; a run from what was recorded of it."""

from __future__ import annotations

import threading

import pytest

from nbflow import flow, task
from nbflow.exceptions import InvalidInput, NotFound
from nbflow.visualization import draw_flow_run


@task
def load(day):
    raise AssertionError("a task must not run")


@task
def clean(rows):
    raise AssertionError("a task must not run")


@task
async def publish(rows, more=None):
    raise AssertionError("a task must not run")


@task(viz_return_value=[1, 2, 3])
def days():
    raise AssertionError("a task must not run")


def drawn(diagram):
    labels = {box.id: box.label for box in diagram.boxes}
    return list(labels.values()), [(labels[a], labels[b]) for a, b in diagram.arrows]


def test_calls_submits_and_maps_are_drawn_with_what_they_take(home):
    ran = []

    @flow
    def child(rows):
        raise AssertionError("a flow must not run")

    @flow
    def outer(day):
        ran.append(day)
        rows = load(day)
        cleaned = clean.submit(rows)
        many = clean.map([rows, 2])
        child({"deep": [cleaned.result()]})
        clean(many.result(), wait_for=[cleaned])

    boxes, arrows = drawn(outer.visualize("monday"))
    assert boxes == ["load", "clean", "clean (map)", "child", "clean"]
    assert arrows[:3] == [("load", "clean"), ("load", "clean (map)"), ("clean", "child")]
    assert ("clean (map)", "clean") in arrows[3:]
    assert ran == ["monday"]
    assert not (home / "nbflow.sqlite").exists()


def test_a_body_that_looks_at_values_is_told_what_to_do(home):
    @flow
    def counts():
        return load(1) + 1

    @flow
    def loops():
        for day in days():
            load(day)
        clean(days())

    with pytest.raises(InvalidInput, match="viz_return_value") as caught:
        counts.visualize()
    assert caught.value.code == "flow.visualize"
    boxes, arrows = drawn(loops.visualize())
    assert boxes == ["days", "load", "load", "load", "days", "clean"]
    assert arrows == [("days", "clean")]


def test_async_flows_are_drawn_also_inside_an_event_loop(home):
    import asyncio

    @flow
    async def outer():
        rows = load("x")
        await publish(rows, more=clean(rows))

    async def cell():
        return outer.visualize()

    boxes, arrows = drawn(asyncio.run(cell()))
    assert boxes == ["load", "clean", "publish"]
    assert set(arrows) == {("load", "clean"), ("load", "publish"), ("clean", "publish")}


def test_while_one_flow_is_drawn_another_runs(orchestrator):
    inside, go_on = threading.Event(), threading.Event()

    @task
    def real(x):
        return x + 1

    @flow
    def runs():
        return real(1) + real.submit(1).result()

    @flow
    def slow():
        inside.set()
        go_on.wait(20)
        load(1)

    results = []
    thread = threading.Thread(target=lambda: results.append(slow.visualize()))
    thread.start()
    assert inside.wait(60)
    assert runs() == 4
    go_on.set()
    thread.join()
    assert drawn(results[0])[0] == ["load"]
    assert runs() == 4


def test_mermaid_is_given_at_once(home):
    @flow
    def outer():
        clean(load(1))

    assert "n0 --> n1" in outer.generate_mermaid_graph()


def test_a_run_is_drawn_from_its_records(orchestrator):
    @task
    def one(x):
        return x

    @task
    def fails(x):
        raise ValueError(x)

    @flow(flow_run_name="drawn")
    def outer():
        first = one.submit(1)
        second = one.submit(first)
        fails(second, return_state=True)
        return 1

    outer()
    run = orchestrator.list_flow_runs().rows[0]
    diagram = draw_flow_run(run.id)
    boxes, arrows = drawn(diagram)
    assert boxes == ["one-0", "one-1", "fails-0"]
    assert arrows == [("one-0", "one-1"), ("one-1", "fails-0")]
    assert [box.state for box in diagram.boxes] == ["COMPLETED", "COMPLETED", "FAILED"]
    assert diagram.text().splitlines()[0] == "drawn (outer): Completed"
    with pytest.raises(NotFound):
        draw_flow_run("01a20000-0000-7000-8000-000000000001")
