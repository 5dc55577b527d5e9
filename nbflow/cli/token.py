"""`nbflow token …`: what lets workers on other machines claim and report, and nothing else."""

from __future__ import annotations

from datetime import timedelta

from nbflow.cli import printing
from nbflow.cli.parsing import OUTPUT, argument, duration, takes
from nbflow.connect import connect
from nbflow.model import clock
from nbflow.model.pages import every
from nbflow.model.tokens import NewToken, Token


@takes(
    argument("name", metavar="NAME", help="what people call it, such as the machine's name"),
    argument("--pool", default=None, help="the only work pool it serves; any when left out"),
    argument("--expires", type=duration, default=None, metavar="DURATION",
             help="when it ends, such as 30d; never when left out"),
    OUTPUT,
)  # fmt: skip
def create(*, name: str, pool: str | None, expires: timedelta | None, output: str) -> None:
    """Make a worker's token, and show it this once."""
    until = None if expires is None else clock.now() + expires
    made = connect().create_token(NewToken(name, pool, until))
    if output == "json":
        printing.as_json(made)
        return
    _show(made.token)
    print(f"\n{made.secret}\n\nIt is shown this once. On the other machine, start a worker with")
    where = f" --pool {pool}" if pool else ""
    print(f"NBFLOW_API_URL=<this server's address> NBFLOW_API_TOKEN=… nbflow worker start{where}")


@takes(OUTPUT)
def ls(*, output: str) -> None:
    """List workers' tokens, newest first."""
    found = tuple(every(connect().list_tokens))
    if output == "json":
        printing.as_json(found)
        return
    printing.columns(
        ("name", "pool", "made", "ends", "last seen", "state"),
        (
            (t.name, t.work_pool or "any", printing.instant(t.created_at), _ends(t), _seen(t),
             _state(t))
            for t in found
        ),
        none="There are no tokens. `nbflow token create NAME` makes one.",
    )  # fmt: skip


@takes(argument("name", metavar="NAME", help="the token's name or id"), OUTPUT)
def revoke(*, name: str, output: str) -> None:
    """Revoke a token: from now on it opens nothing."""
    gone = connect().revoke_token(name)
    if output == "json":
        printing.as_json(gone)
        return
    print(f"{gone.name}: revoked.")


def _show(token: Token) -> None:
    printing.facts(
        [("Token", token.name), ("Pool", token.work_pool or "any"), ("Ends", _ends(token))]
    )


def _ends(token: Token) -> str:
    return "never" if token.expires_at is None else printing.instant(token.expires_at)


def _seen(token: Token) -> str:
    return "never" if token.used_at is None else printing.instant(token.used_at)


def _state(token: Token) -> str:
    if token.revoked_at is not None:
        return "revoked"
    return "in use" if token.open(clock.now()) else "ended"
