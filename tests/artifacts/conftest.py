"""An image, and what an artifact holds."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest

from nbflow.model.artifacts import Artifact
from nbflow.orchestration.orchestrator import Orchestrator

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


@pytest.fixture
def dot() -> bytes:
    """A PNG of one pixel."""
    return PNG


@pytest.fixture
def data_of(orchestrator: Orchestrator) -> Callable[[str], Any]:
    """Read what an artifact shows."""
    return orchestrator.read_artifact_content


@pytest.fixture
def shown(orchestrator: Orchestrator) -> Callable[[], tuple[Artifact, ...]]:
    """List all artifacts, oldest first."""
    return lambda: orchestrator.list_artifacts().rows[::-1]
