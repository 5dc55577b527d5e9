"""`nbflow run` costs no more than it must."""

from __future__ import annotations

import json
import subprocess
import sys

_RUN = """
import sys
from nbflow.cli.main import run
code = run(["run", sys.argv[1]])
print(code, "jsonschema" in sys.modules, sys.modules.get("rfc3987_syntax"))
"""


def test_what_makes_importing_nbformat_slow_is_kept_out_of_the_process(home, tmp_path):
    cell = {"cell_type": "code", "id": "a", "source": "1", "metadata": {}}
    cell |= {"outputs": [], "execution_count": None}
    path = tmp_path / "one.ipynb"
    path.write_text(
        json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [cell]})
    )
    done = subprocess.run([sys.executable, "-c", _RUN, str(path)], capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "0 True None", done.stdout + done.stderr
