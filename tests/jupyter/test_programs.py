"""Programs with the server's token are known at once; all others go Jupyter's way."""

from __future__ import annotations

from typing import Any

import pytest


async def _made(ask: Any, **headers: str) -> Any:
    reply = await ask("POST", "flow-runs", body={"flow_name": "x"}, headers=headers)
    assert reply.status == 201, reply
    return reply


@pytest.mark.parametrize("scheme", ["token", "Token", "bearer", "Bearer"])
async def test_who_sends_the_token_in_a_header_is_one_user_without_a_cookie(
    ask: Any, jp_auth_header: dict[str, str], scheme: str
) -> None:
    token = jp_auth_header["Authorization"].removeprefix("token ")
    made = [await _made(ask, Authorization=f"{scheme} {token}") for _ in range(2)]
    assert made[0].json["created_by"] == made[1].json["created_by"] != ""
    assert [one.headers.get_list("Set-Cookie") for one in made] == [[], []]


async def test_a_browser_stays_who_its_cookie_says(
    ask: Any, jp_auth_header: dict[str, str]
) -> None:
    token = jp_auth_header["Authorization"].removeprefix("token ")
    page = await ask("GET", "health", headers={"Authorization": ""}, token=token)
    cookies = "; ".join(c.partition(";")[0] for c in page.headers.get_list("Set-Cookie"))
    by_hand = await _made(ask, Cookie=cookies)
    assert by_hand.json["created_by"] != (await _made(ask)).json["created_by"]


@pytest.mark.parametrize(
    "said", ["token wrong", "token", "token ", "Basic {}", "{}", "token {}x", "token x{}"]
)
async def test_nothing_but_the_whole_token_opens(
    ask: Any, jp_auth_header: dict[str, str], said: str
) -> None:
    token = jp_auth_header["Authorization"].removeprefix("token ")
    reply = await ask("GET", "flow-runs", headers={"Authorization": said.format(token)})
    assert (reply.status, reply.json["code"]) == (403, "forbidden")
