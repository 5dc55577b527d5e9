"""An artifact on its way: into its row or a file, and to the recorder of the run around the code.

Outside a run it goes to the store at once. A progress changes far more often than anybody looks:
of its values within `COALESCE_SECONDS` only the last is sent.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

from nbflow import connect, context, settings
from nbflow.exceptions import InvalidInput
from nbflow.gathering import PerProcess
from nbflow.model import artifacts, clock
from nbflow.model.artifacts import Artifact, ArtifactKind
from nbflow.model.runs import Batch
from nbflow.store import contents, spool

_log = logging.getLogger("nbflow.artifacts")

#: how often a progress that changes all the time is told of
COALESCE_SECONDS = 0.1
#: progresses of this process that are remembered; the store knows the others
_MOST_KNOWN = 10_000

_known: OrderedDict[str, Artifact] = OrderedDict()


def keep(kind: ArtifactKind, data: Any, key: str | None, description: str | None) -> Artifact:
    """Record an artifact of the run around the code. Raises InvalidInput."""
    here = context.here()
    run = here or context.ambient()
    inside = run.flow_context.flow_run.id if run else os.environ.get("NBFLOW_FLOW_RUN_ID") or None
    within = here.task_run_id if here else _task_run_of_cell()
    size = _size(kind, data)
    if size > settings.artifact_bytes:
        raise artifacts.too_large(size, settings.artifact_bytes, field=_field(kind))
    made = _laid_down(
        Artifact(
            kind,
            data,
            key,
            description,
            inside,
            within,
            size=size,
            mime_types=artifacts.mime_types(kind, data),
        )
    )
    if kind == "progress":
        _remember(made)
    if run is not None:
        run.flow_context.recorder.artifact(made)
    else:
        _send(made)
    return made


def _task_run_of_cell() -> str | None:
    """Give the task run of the cell that is executed, as its executor says it in its request."""
    interactive = sys.modules.get("IPython.core.interactiveshell")
    if interactive is None or not interactive.InteractiveShell.initialized():
        return None
    kernel = getattr(interactive.InteractiveShell.instance(), "kernel", None)
    asked = kernel.get_parent("shell") if kernel is not None else {}
    return asked.get("metadata", {}).get("nbflow_task_run_id")


def go_on(artifact_id: str, progress: float, description: str | None) -> None:
    """Record how far a progress is. Raises InvalidInput, NotFound."""
    before = _known.get(artifact_id)
    if before is None:
        before = connect.connect().read_artifact(artifact_id)
        if before.kind != "progress":
            raise InvalidInput(
                f"The artifact {artifact_id} is a {before.kind}, not a progress.",
                field="artifact_id",
                hint="`create_progress_artifact` gives the id of one.",
            )
    after = replace(before, data={"progress": progress}, updated_at=clock.now())
    if description is not None:
        after = replace(after, description=description)
    _remember(after)
    run = context.here() or context.ambient()
    if run is not None:
        run.flow_context.recorder.artifact(after)
    else:
        _latest.it.put(after)


def arrive() -> None:
    """See to it that what this code has recorded is in the store, unless that cannot be asked."""
    run = context.here() or context.ambient()
    if run is not None:
        run.flow_context.recorder.drain(0.0)
    _latest.it.send()


def _remember(artifact: Artifact) -> None:
    _known[artifact.id] = artifact
    if len(_known) > _MOST_KNOWN:
        _known.popitem(last=False)


def _field(kind: ArtifactKind) -> str:
    return "obj" if kind == "mime" else kind


def _size(kind: ArtifactKind, data: Any) -> int:
    """Give the bytes of a content, those of binary types as they are outside base64."""
    if kind == "image" and "base64" in data:
        return _decoded(data["base64"])
    if kind == "mime":
        forms = cast("Mapping[str, Any]", data).items()
        return sum(
            _decoded(content)
            if artifacts.is_binary(mime) and isinstance(content, str)
            else _encoded(content)
            for mime, content in forms
        )
    return _encoded(data)


def _decoded(base64: str) -> int:
    return len(base64) * 3 // 4 - base64[-2:].count("=")


def _encoded(content: Any) -> int:
    text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
    return len(text.encode("utf-8", "surrogatepass"))


def _laid_down(artifact: Artifact) -> Artifact:
    """Keep a large content on disk before anything speaks of it."""
    if artifact.size <= artifacts.MOST_INLINE_BYTES // 2 and not artifacts.too_deep(artifact.data):
        return artifact
    text = json.dumps(artifact.data, ensure_ascii=False, separators=(",", ":"))
    if len(text) <= artifacts.MOST_INLINE_BYTES and not artifacts.too_deep(artifact.data):
        return artifact
    settings.ensure_home()
    return replace(artifact, data=None, sha256=contents.write(artifact.id, text))


def _send(artifact: Artifact) -> None:
    """Record without a recorder; in an outage leave it to whoever replays spools."""
    try:
        contents.record(connect.connect(), Batch(artifacts=(artifact,)))
    except spool.OUTAGES as error:
        kept = spool.Spool()
        kept.append([spool.artifact_entry(artifact)])
        kept.close()
        _log.warning("An artifact waits in %s: %s", kept.path, error)


class _Latest:
    """Artifacts that changed and are to be sent soon, each as it is by then."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sending = threading.Lock()
        self._waiting: dict[str, Artifact] = {}
        self._timer: threading.Timer | None = None

    def put(self, artifact: Artifact) -> None:
        """Send an artifact within `COALESCE_SECONDS`, unless it changes again."""
        with self._lock:
            self._waiting[artifact.id] = artifact
            if self._timer is None:
                self._start()

    def _start(self) -> None:
        self._timer = threading.Timer(COALESCE_SECONDS, self.send)
        self._timer.daemon = True
        try:
            self._timer.start()
        except RuntimeError:  # the interpreter is shutting down: `send` is called once more
            pass

    def send(self) -> None:
        """Send what waits, now."""
        with self._sending:
            with self._lock:
                waiting, self._waiting, self._timer = self._waiting, {}, None
            for artifact in waiting.values():
                try:
                    _send(artifact)
                except Exception as error:
                    _log.error("The progress %s was refused: %s", artifact.id, error)


_latest = PerProcess(_Latest)
