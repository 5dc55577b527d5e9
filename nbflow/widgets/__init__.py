"""What a cell can end with to look at nbflow: a run, its graph, many runs, an artifact, a form.

Each is live where the front end shows widgets and saved as HTML without scripts and as plain text;
how things look is `nbflow.model`'s work. The view below a `%%flow` or `%%task` cell is `runview`.
"""

from __future__ import annotations

from nbflow.widgets.artifact import artifact
from nbflow.widgets.form import deploy_form
from nbflow.widgets.run import graph, run
from nbflow.widgets.runs import runs

__all__ = ["artifact", "deploy_form", "graph", "run", "runs"]
