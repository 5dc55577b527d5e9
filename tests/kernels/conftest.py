from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from nbflow.kernels.standby import Standby


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A home folder, and IPython's, for this module's tests."""
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NBFLOW_HOME", str(folder / "nbflow"))
        patch.setenv("IPYTHONDIR", str(folder / "ipython"))
        patch.setenv("NBFLOW_KERNEL_PRELOAD", "numpy, matplotlib.pyplot, nothing_here")
        for name in [name for name in os.environ if name.startswith("MPL")]:
            patch.delenv(name)
        yield


@pytest.fixture(scope="module")
def standing_by(home: None) -> Iterator[Standby]:
    """One kernel stands by, as beside a worker."""
    made = Standby()
    yield made
    made.close()
