"""`python -m nbflow`: the command line."""

from __future__ import annotations

import sys

from nbflow.cli.main import main

sys.exit(main())
