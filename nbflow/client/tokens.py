"""`Tokens` over HTTP."""

from __future__ import annotations

from nbflow.client.base import OverHttp, path_of
from nbflow.model import reading
from nbflow.model.pages import MOST_ROWS, Page
from nbflow.model.tokens import MadeToken, NewToken, Token


class HttpTokens(OverHttp):
    """The tokens of a server."""

    def create_token(self, new: NewToken) -> MadeToken:
        """Make a worker's token."""
        # Not again: the second request would find the name in use.
        return reading.answer(MadeToken, self._ask("POST", "tokens", body=new, again=False))

    def create_run_token(self, flow_run_id: str, attempt: int) -> MadeToken:
        """Make the token of an attempt's processes."""
        path = path_of("flow-runs", flow_run_id, "token")
        return self._post(MadeToken, path, {"attempt": attempt})

    def list_tokens(self, *, limit: int = MOST_ROWS, cursor: str | None = None) -> Page[Token]:
        """List workers' tokens, newest first."""
        return self._get(Page[Token], "tokens", {"limit": limit, "cursor": cursor})

    def revoke_token(self, name_or_id: str) -> Token:
        """Revoke a worker's token."""
        return reading.answer(Token, self._ask("DELETE", path_of("tokens", name_or_id)))
