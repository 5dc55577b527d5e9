"""What of a cell is executed again although the cell is not; what a failed one may have changed."""

from __future__ import annotations

import pytest

from nbflow.model.cell_definitions import definitions, touches


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("import os, sys", "import os, sys"),
        ("from os import *", "from os import *"),
        ("import os\ndf = load()", "import os"),
        ("def f(x): return x\nf(1)", "def f(x):\n    return x"),
        ("@cache\ndef f(): ...", "@cache\ndef f(): ..."),
        ("class A(B): n = 1", "class A(B): n = 1"),
        ("try:\n    import a\nexcept ImportError:\n    a = None\nrun()",
         "try:\n    import a\nexcept ImportError:\n    a = None"),
        ("%load_ext autoreload\n%autoreload 2\nwork()",
         "get_ipython().run_line_magic('load_ext', 'autoreload')\n"
         "get_ipython().run_line_magic('autoreload', '2')"),
        ("%matplotlib inline", "%matplotlib inline"),
        ("!rm -r data\n%run work.py\n%time f()", ""),
        ("import pandas as pd\npd.set_option('a', 1)\npd.read_csv('x')",
         "import pandas as pd\npd.set_option('a', 1)"),
        ("import sys\nsys.path.append('..')\nsys.exit()", "import sys\nsys.path.append('..')"),
        ("np.random.seed(3); plt.rcParams['figure.dpi'] = 80; plt.show()",
         "np.random.seed(3)\nplt.rcParams['figure.dpi'] = 80"),
        ("import os\nos.environ['A'] = 'b'\nos.remove('c')", "import os\nos.environ['A'] = 'b'"),
        ("requests.post(url)\nshutil.rmtree('x')", ""),
        ("N = 10\nf = lambda x: x\nP = namedtuple('P', 'x')\ny = g(N)",
         "N = 10\nf = lambda x: x\nP = namedtuple('P', 'x')"),
        ("%%time\nimport os\nx = g()", "import os"),
        ("%%bash\nimport os", ""),
        ("%%task clean\nimport os\nx = g()", "import os"),
        ("# nbflow: task clean\nimport os", "import os"),
        ("not python", ""),
    ],
)  # fmt: skip
def test_what_defines_or_sets_up_is_executed_again_and_work_is_not(source: str, code: str) -> None:
    assert definitions(source).code == code


def test_a_cell_that_only_defines_is_known() -> None:
    assert definitions("'''doc'''\nimport a\ndef f(): ...").whole
    assert not definitions("import a\nx = f()").whole
    assert not definitions("(").whole


def test_what_a_definition_reads_is_known_by_its_name() -> None:
    parts = definitions("import a\ndef f(x=b): return c + a\nN = 3\nx = g()").by_name()
    assert sorted(parts) == ["N", "a", "f"]
    assert parts["f"].reads >= {"b", "c", "a"}
    assert [parts[name].restorable for name in ("N", "f")] == [True, False]


def test_what_a_failed_cell_may_have_changed_is_told_by_line() -> None:
    found = touches("a = f()\nrows.append(1)\nframe['x'] = a\nshown = frame.head()\ntotal += 1")
    said = [(touch.name, touch.first, touch.after) for touch in found]
    assert said == [
        ("a", 1, True), ("rows", 2, False), ("frame", 3, False), ("shown", 4, True),
        ("total", 5, False),
    ]  # fmt: skip


def test_another_name_for_the_same_is_seen_through() -> None:
    assert ("rows", 1, 1, False) in touches("same = rows\nsame.append(1)")
