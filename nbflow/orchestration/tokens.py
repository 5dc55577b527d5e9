"""`Tokens` over SQL: made, revoked, and asked what they open."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa

from nbflow import settings
from nbflow.exceptions import Conflict, InvalidInput
from nbflow.model import clock, ids, names
from nbflow.model import tokens as model
from nbflow.model.pages import MOST_ROWS, Page
from nbflow.model.runs import FlowRun
from nbflow.model.tokens import MadeToken, NewToken, Token, TokenKind
from nbflow.orchestration.base import OverSql
from nbflow.rules import late
from nbflow.store import flow_runs, tokens, workers

#: `used_at` is written at most this often
_USED = timedelta(minutes=1)


class SqlTokens(OverSql):
    """The tokens of a store."""

    def create_token(self, new: NewToken) -> MadeToken:
        """Make a worker's token."""
        name = names.check_name(new.name)
        pool = None if new.work_pool is None else names.check_name(new.work_pool, field="work_pool")
        now = clock.now()
        if new.expires_at is not None and new.expires_at <= now:
            raise InvalidInput(
                "The token would have expired already.", code="token.expired", field="expires_at"
            )
        with self._write() as connection:
            if any(t.name == name and t.open(now) for t in tokens.of_workers(connection)):
                raise Conflict(
                    f"There is a token {name!r} already.",
                    code="token.exists",
                    field="name",
                    hint=f"`nbflow token revoke {name}` ends it.",
                )
            made = Token(
                ids.uuid7(), name, "worker", now, work_pool=pool, created_by=new.created_by,
                expires_at=new.expires_at,
            )  # fmt: skip
            return _keep(connection, made)

    def create_run_token(self, flow_run_id: str, attempt: int) -> MadeToken:
        """Make the token of an attempt's processes."""
        with self._write() as connection:
            run = flow_runs.get(connection, flow_run_id)
            if run.state.is_final() or run.attempt != attempt:
                raise Conflict(
                    f"Attempt {attempt} of the run {run.name} is not live.", code="run.not_live"
                )
            made = Token(
                ids.uuid7(), run.name, "run", clock.now(), flow_run_id=run.id, attempt=attempt
            )
            return _keep(connection, made)

    def list_tokens(self, *, limit: int = MOST_ROWS, cursor: str | None = None) -> Page[Token]:
        """List workers' tokens, newest first."""
        with self.database.read() as connection:
            return tokens.page(connection, limit=limit, cursor=cursor)

    def revoke_token(self, name_or_id: str) -> Token:
        """Revoke a worker's token."""
        with self._write() as connection:
            found = tokens.get(connection, name_or_id)
            tokens.revoke(connection, found.id, at=clock.now())
            return tokens.get(connection, found.id)

    # -- for whoever stands at the door ---------------------------------------------------------
    def token_of(self, secret: str) -> Token | None:
        """Give the token of a secret; None when it opens nothing (any more)."""
        now = clock.now()
        with self.database.read() as connection:
            found = tokens.of_digest(connection, model.digest(secret))
            if found is None or not found.open(now):
                return None
            if found.kind == "run" and not _is_live(connection, found):
                return None
        if found.kind == "worker" and (found.used_at is None or now - found.used_at > _USED):
            with self.database.write() as connection:
                tokens.use(connection, found.id, at=now)
        return found

    def covers(self, token: Token, run: FlowRun) -> bool:
        """Say whether a token may write on a run: its holder runs it, or was given up unheard."""
        if run.state.is_final() and not late.unheard(run):
            return False
        if token.kind == "worker":
            return self._holds(token, run)
        return self._is_under(run, str(token.flow_run_id))

    def may_read(self, token: Token, run: FlowRun) -> bool:
        """Say whether a token may look at a run: its own, those above it, those it has started."""
        if token.kind == "worker":
            return self._holds(token, run)
        if self._is_under(run, str(token.flow_run_id)):
            return True
        with self.database.read() as connection:
            own = flow_runs.get(connection, str(token.flow_run_id))
        return self._is_under(own, run.id)

    def _holds(self, token: Token, run: FlowRun) -> bool:
        """Say whether a worker of this token holds a run, or held it last."""
        worker_id = run.owner.worker_id if run.owner is not None else None
        return worker_id is not None and self.worker_is_of(worker_id, token)

    def worker_is_of(self, worker_id: str, token: Token) -> bool:
        """Say whether a worker was registered with a token."""
        with self.database.read() as connection:
            return workers.token_of(connection, worker_id) == token.id

    def _is_under(self, run: FlowRun, above: str) -> bool:
        with self.database.read() as connection:
            for _ in range(settings.nesting_limit + 1):
                if run.id == above:
                    return True
                if run.parent_flow_run_id is None:
                    return False
                run = flow_runs.get(connection, run.parent_flow_run_id)
        return False

    def forget_run_tokens(self) -> int:
        """Delete tokens of attempts that nobody can hold any more; give how many."""
        before = clock.now() - timedelta(days=30)
        with self.database.write() as connection:
            return tokens.forget_of_runs(connection, created_before=before)


def _is_live(connection: sa.Connection, token: Token) -> bool:
    run = flow_runs.get(connection, str(token.flow_run_id))
    return run.attempt == token.attempt and (not run.state.is_final() or late.unheard(run))


def _keep(connection: sa.Connection, made: Token) -> MadeToken:
    kind: TokenKind = made.kind
    secret = model.new_secret(kind)
    tokens.insert(connection, made, sha256=model.digest(secret))
    return MadeToken(made, secret)
