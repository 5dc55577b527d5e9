"""Programs that send the server's own token with every request: known without a cookie.

Jupyter's identity provider makes up a user at each such request, signs a cookie for a browser that
is not there and logs both: a fifth of what a request costs. Here the token is compared, and all
who come by it are one user. Other providers, cookies and tokens in an address go Jupyter's way.
"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Any

from jupyter_server.auth import IdentityProvider, PasswordIdentityProvider

if TYPE_CHECKING:
    from nbflow_jupyter.base import ApiHandler

#: not what is derived of them: that may ask for more
_OURS = (IdentityProvider, PasswordIdentityProvider)
_SCHEMES = ("token", "bearer")


def recognise(handler: ApiHandler) -> None:
    """Let the handler know its user when the request carries the server's token in its header."""
    headers = handler.request.headers
    scheme, _, said = headers.get("Authorization", "").partition(" ")
    provider = handler.identity_provider
    if scheme.lower() not in _SCHEMES or "Cookie" in headers or type(provider) not in _OURS:
        return
    token = str(provider.token)
    if token and hmac.compare_digest(said.strip().encode(), token.encode()):
        # As the provider itself leaves word; were it named otherwise, it would find out by itself.
        known: Any = handler
        known._jupyter_current_user = _user(handler, provider)
        known._token_authenticated = True


def _user(handler: ApiHandler, provider: IdentityProvider) -> Any:
    found = handler.settings.get("nbflow_program")
    if found is None:
        found = handler.settings["nbflow_program"] = provider.generate_anonymous_user(handler)
    return found
