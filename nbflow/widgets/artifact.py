"""An artifact that is shown anew when there is a newer version of it, or its progress moves.

It needs no module of its own in the browser: what is saved of an artifact is what is shown, and is
replaced where it stands.
"""

from __future__ import annotations

from nbflow.artifacts import views
from nbflow.exceptions import NotFound
from nbflow.model.backend import Backend
from nbflow.model.ids import canonical
from nbflow.widgets.live import Live, Seen


def artifact(key: str) -> Live:
    """Show the newest version of an artifact's key (or the artifact of an id), and those to come.

    A key that nothing has made yet is waited for.
    """
    known: dict[str, Seen] = {}

    def look(backend: Backend) -> Seen:
        try:
            found = backend.read_artifact(key)
        except NotFound:
            return Seen(_none(key))
        data = found.data
        told = f"{found.id} {data if found.kind == 'progress' else found.created_at}"
        if told not in known:  # its content may be large: it is read once
            whole = backend.read_artifact_content(found.id)
            known.clear()
            known[told] = Seen(views.bundle(found, whole), ended=canonical(key)
                               and found.kind != "progress")  # fmt: skip
        return known[told]

    return Live(None, look)


def _none(key: str) -> dict[str, str]:
    from nbflow.model import looks

    said = f"There is no artifact {key} yet."
    return {
        "text/html": looks.page("artifact", f'<div style="{looks.MUTED}">{looks.text(said)}</div>'),
        "text/plain": looks.one_line(said),
    }
