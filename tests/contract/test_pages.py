"""Every list of nouns is read by the page, asked of both authorities."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from nbflow.exceptions import InvalidInput
from nbflow.model import ids
from nbflow.model.backend import Backend
from nbflow.model.deployments import NewSchedule
from nbflow.model.limits import NewLimit
from nbflow.model.pages import every
from nbflow.model.schedules import Interval
from nbflow.model.tokens import NewToken
from nbflow.model.variables import NewVariable
from nbflow.model.work_pools import NewWorkPool, NewWorkQueue

Ask = Callable[..., Any]


def _lists(backend: Backend, make: Any) -> dict[str, Ask]:
    """Give lists of at least three rows."""
    word = ids.uuid7()[-12:]
    deployment = make.deployment()
    backend.create_work_pool(NewWorkPool(f"p-{word}"))
    for number in range(3):
        name = f"{word}-{number}"
        backend.set_variable(NewVariable(name, number))
        backend.create_limit(NewLimit(name, 1))
        backend.create_token(NewToken(name))
        backend.create_work_queue(f"p-{word}", NewWorkQueue(name))
        backend.create_schedule(deployment.id, NewSchedule(Interval(timedelta(hours=number + 1))))
        make.deployment()
        make.worker(f"p-{word}")
    return {
        "variables": backend.list_variables,
        "limits": backend.list_limits,
        "tokens": backend.list_tokens,
        "work queues": backend.list_work_queues,
        "work pools": backend.list_work_pools,
        "workers": backend.list_workers,
        "deployments": backend.list_deployments,
        "schedules": backend.list_schedules,
    }


def test_pages_of_one_row_make_the_whole_list(backend: Backend, make: Any) -> None:
    lists = _lists(backend, make)
    for name, ask in lists.items():
        whole = [row.id for row in every(ask)]
        assert len(whole) >= 3, name
        first = ask(limit=len(whole) - 1)
        rest = ask(limit=200, cursor=first.cursor)
        assert [row.id for row in (*first.rows, *rest.rows)] == whole, name
        assert [row.id for row in every(ask, limit=1)] == whole, name
        assert rest.cursor is None, name
        for wrong in (0, 201):
            with pytest.raises(InvalidInput) as refused:
                ask(limit=wrong)
            assert (refused.value.code, refused.value.field) == ("limit.range", "limit"), name
        foreign = next(a for n, a in lists.items() if n != name)(limit=1).cursor
        for cursor in (foreign, "abc", "eyJ4IjoxfQ", "x" * 5000, "W10", "\u00fc"):
            with pytest.raises(InvalidInput) as refused:
                ask(cursor=cursor)
            assert (refused.value.code, refused.value.field) == ("cursor.invalid", "cursor"), name
