"""What is the same for every route: headers, verbs, rates, bodies without end, slow or packed."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from nbflow import settings
from nbflow.exceptions import StoreBusy
from nbflow_jupyter.rates import _MOST_USERS, Rates, TooMany
from nbflow_jupyter.running import Running

Raw = Callable[..., Any]


@pytest.fixture
def raw(
    app: Any, jp_auth_header: Any, jp_base_url: str, jp_http_port: int, http_server: Any
) -> Raw:
    """`async with raw("POST", "flow-runs", …headers) as (reader, writer):` its head is sent."""

    @asynccontextmanager
    async def opened(verb: str, route: str, **headers: str) -> AsyncIterator[tuple[Any, Any]]:
        reader, writer = await asyncio.open_connection("127.0.0.1", jp_http_port)
        said = {"Host": "localhost", "Content-Type": "application/json", **jp_auth_header}
        said |= {name.replace("_", "-"): value for name, value in headers.items()}
        lines = [f"{verb} {jp_base_url}nbflow/api/{route} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in said.items()]
        writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
        try:
            yield reader, writer
        finally:
            writer.close()

    return opened


async def status_of(reader: Any) -> int:
    line = await asyncio.wait_for(reader.readline(), 20)
    return int(line.split()[1])


async def test_every_answer_says_not_to_guess_and_not_to_keep(ask: Any) -> None:
    for verb, path in [
        ("GET", "health"),
        ("GET", "flow-runs"),
        ("GET", "nope"),
        ("GET", "flow-runs/0"),
        ("PUT", "health"),
        ("OPTIONS", "health"),
    ]:
        reply = await ask(verb, path)
        assert reply.headers["X-Content-Type-Options"] == "nosniff", path
        assert reply.headers["Cache-Control"] == "no-store", path
        assert "default-src 'none'" in reply.headers["Content-Security-Policy"], path
        assert "Access-Control-Allow-Credentials" not in reply.headers


async def test_verbs_have_defined_answers(ask: Any, raw: Raw) -> None:
    options = await ask("OPTIONS", "flow-runs")
    assert (options.status, options.json) == (204, None)
    assert {"GET", "POST"} <= set(options.headers["Allow"].split(", "))
    stranger = await ask("OPTIONS", "flow-runs", headers={"Authorization": ""})
    assert stranger.status in (204, 403)
    assert "Allow" not in stranger.headers
    assert (await ask("HEAD", "health")).status == 405
    for verb in ("TRACE", "get", "CONNECT", "BREW"):
        async with raw(verb, "health") as (reader, _):
            assert await status_of(reader) == 405, verb


async def test_an_endless_body_is_refused_before_its_end(raw: Raw) -> None:
    async with raw("POST", "flow-runs", Transfer_Encoding="chunked") as (reader, writer):
        for _ in range(20):
            writer.write(b"%x\r\n" % 100_000 + b" " * 100_000 + b"\r\n")
        assert await status_of(reader) == 413  # the body has not ended
    async with raw("POST", "flow-runs", Content_Length=str(600 * 10**6)) as (reader, _):
        assert await status_of(reader) == 413  # nothing of it was sent


async def test_a_body_that_drips_is_refused(raw: Raw) -> None:
    with settings.temporary(request_seconds=0.3):
        async with raw("POST", "flow-runs", Content_Length="1000") as (reader, writer):
            writer.write(b"{")
            assert await status_of(reader) == 408
            rest = (await asyncio.wait_for(reader.read(), 20)).decode()  # and it is closed
            assert '"code": "body.too_slow"' in rest


async def test_a_body_that_comes_steadily_may_take_its_time(raw: Raw) -> None:
    with settings.temporary(request_seconds=0.2):
        body = b'{"flow_name": "x"}' + b" " * 20_000
        async with raw("POST", "flow-runs", Content_Length=str(len(body))) as (reader, writer):
            writer.write(body[:10_000])
            await asyncio.sleep(0.3)  # what has come is allowed a second for
            writer.write(body[10_000:])
            assert await status_of(reader) == 201


async def test_what_is_packed_is_never_unpacked(ask: Any) -> None:
    bomb = gzip.compress(b" " * 10**8)
    for packed in ("gzip", "br", "deflate"):
        headers = {"Content-Encoding": packed}
        reply = await ask("POST", "flow-runs", raw=bomb, headers=headers)
        assert (reply.status, reply.json["code"]) == (415, "body.media_type")


async def test_an_error_nobody_expected_is_told_by_reference_only(
    ask: Any, running: Running, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("the secret path /root/x")

    monkeypatch.setattr(running.orchestrator, "read_variable", broken)
    reply = await ask("GET", "variables/x")
    assert (reply.status, reply.json["code"]) == (500, "internal")
    assert "secret" not in str(reply.json)
    reference = reply.json["hint"].removesuffix(".").split()[-1]
    assert any(reference in record.getMessage() for record in caplog.records)


async def test_a_busy_store_says_when_to_come_back(
    ask: Any, running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(*_: Any, **__: Any) -> None:
        raise StoreBusy

    monkeypatch.setattr(running.orchestrator, "read_variable", busy)
    reply = await ask("GET", "variables/x")
    assert (reply.status, reply.json["code"], reply.headers["Retry-After"]) == (
        503,
        "store.busy",
        "1",
    )


async def test_who_asks_too_often_is_told_when_to_come_back(ask: Any) -> None:
    assert {(await ask("GET", "version")).status for _ in range(30)} == {200}  # off unless set
    with settings.temporary(rate_limit_per_second=0.5, rate_limit_burst=5):
        replies = [await ask("GET", "version") for _ in range(8)]
    assert [reply.status for reply in replies] == [200] * 5 + [429] * 3
    assert replies[-1].json["code"] == "rate.limited"
    assert 1 <= int(replies[-1].headers["Retry-After"]) <= 2


def test_as_many_users_are_counted_as_fit() -> None:
    rates = Rates()
    with settings.temporary(rate_limit_per_second=0.001, rate_limit_burst=1):
        for user in range(_MOST_USERS * 2):
            rates.check(str(user))
        assert len(rates._buckets) == _MOST_USERS
        with pytest.raises(TooMany):
            rates.check(str(_MOST_USERS * 2 - 1))
