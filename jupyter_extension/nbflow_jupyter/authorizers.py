"""Authorizers to configure for a server that several people reach.

Jupyter asks one authorizer for everything; every route of nbflow asks it about a resource
`nbflow:…` and an action: `read` looks, `write` edits or deletes, `execute` makes code run, now or
later. What the server itself lets people do (kernels, contents) is asked with other resources.

    c.ServerApp.authorizer_class = "nbflow_jupyter.authorizers.NbflowReadOnlyAuthorizer"
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jupyter_server.auth.authorizer import Authorizer
from traitlets import Dict, List, Unicode

if TYPE_CHECKING:
    from jupyter_server.auth.identity import User

#: what an operator may make run: runs of what others have deployed
_OPERATORS = frozenset({"nbflow:runs"})


class NbflowReadOnlyAuthorizer(Authorizer):
    """Let everybody look, and nobody change or run anything: not in nbflow, not in the server."""

    def is_authorized(self, handler: Any, user: User, action: str, resource: str) -> bool:
        """Say yes to every `read`."""
        return action == "read"


class NbflowRolesAuthorizer(Authorizer):
    """Give people roles by their user name; who has none looks only.

    A viewer reads. An operator also starts, cancels and retries runs, of notebooks that an author
    deployed: with parameters that fit, never with code. An author does everything.
    """

    authors = List(Unicode(), help="Names of users who may do everything.").tag(config=True)
    operators = List(Unicode(), help="Names of users who may run what is deployed.").tag(
        config=True
    )
    resources = Dict(
        help="Resources beyond runs that operators may act on: {'nbflow:schedules': ['write']}."
    ).tag(config=True)

    def is_authorized(self, handler: Any, user: User, action: str, resource: str) -> bool:
        """Say what the user's role allows."""
        if action == "read" or user.username in self.authors:
            return True
        if user.username not in self.operators:
            return False
        return resource in _OPERATORS or action in self.resources.get(resource, ())
