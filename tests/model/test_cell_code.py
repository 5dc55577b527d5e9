"""What a cell's code reads and binds, said of the cell's text alone."""

from __future__ import annotations

import pytest

from nbflow.model.cell_code import analyse

#: source -> what it reads, binds, mutates (separated by spaces)
CELLS = {
    "import numpy as np\nx = a + 1": ("a", "np x", ""),
    "import a.b.c": ("", "a", ""),
    "import a.b as c": ("", "c", ""),
    "from p import q as r, s": ("", "r s", ""),
    "b.append(x)": ("b x", "", "b"),
    "df.head()": ("df", "", ""),
    "df['a'] = df['b'] * 2": ("df", "", "df"),
    "df.loc[m, 'a'] = 0": ("df m", "", "df"),
    "model.weights.bias = 3": ("model", "", "model"),
    "df.dropna(inplace=True)": ("df", "", "df"),
    "clean = df.dropna()": ("df", "clean", ""),
    "last = stack.pop()": ("stack", "last", "stack"),
    "b = a\nb.append(1)": ("a", "b", "a"),
    "b = a[1:]\nb[0] = 1": ("a", "b", "a"),
    "b = a.copy()\nb.append(1)": ("a", "b", ""),
    "c = [a]\nc[0].append(1)": ("a", "c", "a"),
    "x += 1": ("x", "x", "x"),
    "x = 0\nx += n": ("n", "x", ""),
    "y = [i * k for i in xs if i > t]": ("k t xs", "y", ""),
    "y = [x for x in x]": ("x", "y", ""),
    "y = {k: v for k, v in d.items()}": ("d", "y", ""),
    "y = any((hit := w) for w in ws)": ("ws", "hit y", ""),
    "def f(a, b=d):\n    return a * z": ("d z", "f", ""),
    "@decorate(n)\ndef f(a: T) -> R: ...": ("decorate n T R", "f", ""),
    "def f():\n    global g\n    g = 1": ("", "f", ""),
    "def f():\n    global g\n    g = 1\nf()": ("", "f g", ""),
    "def f():\n    n = 0\n    def g():\n        nonlocal n\n        n += k": ("k", "f", ""),
    "def f(x):\n    x.append(1)\nf(a)": ("a", "f", "a"),
    "def f(x):\n    x = x.copy()\n    x.append(1)\nf(a)": ("a", "f", ""),
    "f = lambda x: x + r": ("r", "f", ""),
    "class A(B):\n    n = m\n    def go(self): return help_(self.n)": ("B m help_", "A", ""),
    "class A:\n    def __init__(self): log.append(1)\nA()": ("log", "A", "log"),
    "a, (b, *c) = d": ("d", "a b c", ""),
    "a = b = c": ("c", "a b", ""),
    "n: int = m": ("m", "n", ""),
    "for i in xs:\n    total += i": ("xs total", "i total", "total"),
    "with open(p) as f:\n    text = f.read()": ("p", "f text", ""),
    "try:\n    q = 1\nexcept E as e:\n    print(e)": ("E", "q", ""),
    "if c:\n    x = 1\nprint(x)": ("c x", "x", ""),
    "if c:\n    x = 1\nelse:\n    x = 2\nprint(x)": ("c", "x", ""),
    "match z:\n    case {'a': b, **r}: pass\n    case P(u, v=[w, *s]): pass": (
        "z P", "b r u w s", ""),
    "del t\ndel d['x']": ("t d", "", "t d"),
    "w = await fetch(u)": ("fetch u", "w", ""),
    "async for i in agen(): pass": ("agen", "i", ""),
    "x = f'{a:{b}}'": ("a b", "x", ""),
    "random.shuffle(xs)": ("random xs", "", "random xs"),
    "np.random.seed(0)": ("np", "", "np"),
    "plt.plot(days.index, days[m])\nplt.show()": ("plt days m", "", ""),
    "ax.plot(days)": ("ax days", "", "ax"),
    "df.plot(x='a')": ("df", "", ""),
    "%%time\n%%task load --if n > 3\nx = m": ("n m", "x", ""),
    "# nbflow: task load --if n > 3\nx = m": ("n m", "x", ""),
    "%%task load\n%%capture out\ny = w": ("w", "out y", ""),
    "%%flow report --params a=1\ny = w": ("w", "y", ""),
    "%%bash --out o --err e\necho $x": ("", "o e", ""),
    "%time y = f(x)": ("f x", "y", ""),
    "%timeit -n 3 -r 2 z = f(x)": ("f x", "", ""),
    "%%timeit z = 1\nw = f(z, x)": ("f x", "", ""),
    "!ls {p} $q": ("p q", "", ""),
    "files = !ls {folder}": ("folder", "files", ""),
    "x?": ("", "", ""),
    "%matplotlib inline\nx = y": ("y", "x", ""),
    "if x:\n    %time y = 1": ("x", "y", ""),
    ">>> x = y": ("y", "x", ""),
    "": ("", "", ""),
    "# only a comment": ("", "", ""),
}  # fmt: skip


@pytest.mark.parametrize("source", CELLS)
def test_a_cell_reads_binds_and_changes(source: str):
    reads, binds, mutates = CELLS[source]
    found = analyse(source)
    assert found.reads == set(reads.split())
    assert found.binds == set(binds.split())
    assert found.mutates == set(mutates.split())
    assert found.unknown is None


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("from os import *", "line 1: `from os import *` binds"),
        ("\n\nexec('x = 1')", "line 3: exec()"),
        ("globals()['x'] = 1", "line 1: globals()"),
        ("print(locals())", "line 1: locals()"),
        ("%run other.ipynb", "%run binds or changes"),
        ("%pylab inline", "%pylab"),
        ("%%sql\nSELECT 1", "%%sql"),
        ("ip = get_ipython()", "get_ipython()"),
        ("get_ipython().user_ns['x'] = 1", "get_ipython()"),
        ("_ + 1", "_ is what another cell"),
        ("Out[3]", "Out is what another cell"),
        ("x = 1\ny = (", "line 2: not Python"),
        ("%%time\nx = (", "not Python"),
        ("SELECT * FROM t", "line 1: not Python"),
        ("x = '\x00'", "not Python"),
        ("(" * 3000, "not Python"),
    ],
)  # fmt: skip
def test_what_cannot_be_known_is_said(source: str, why: str):
    assert why in (analyse(source).unknown or "")


def test_what_is_known_stands_beside_what_is_not():
    found = analyse("%run setup.py\ny = x")
    assert (found.reads, found.binds) == ({"x"}, {"y"})
    assert found.unknown is not None


def test_what_only_a_function_reads_that_nobody_calls_is_deferred():
    assert analyse("def f(): return k").deferred == {"k"}
    assert analyse("def f(): return k\nf()").deferred == set()
    assert analyse("def f(): return k\nk = 1\nf()").reads == set()


def test_builtins_count_only_where_somebody_bound_them():
    found = analyse("print(sum(xs))")
    assert found.reads == {"xs"}
    assert found.perhaps == {"print", "sum"}


def test_names_of_the_environment_are_perhaps_read():
    assert analyse("!echo $HOME").perhaps == {"HOME"}


def test_private_names_count_and_the_history_of_ipython_does_not():
    found = analyse("_helper = 1\ny = __")
    assert found.binds == {"_helper", "y"}
    assert found.unknown is not None


def test_imports_definitions_and_literals_are_told():
    found = analyse(
        "import a.b as c\nfrom d import e\nn: int = 5\nlo, hi = 0.5, 'x'\nt = []\nt.append(1)\n"
        "m = 1\nm = 2\nu = -3\ndef f(): ...\nclass A: ..."
    )
    assert found.imports == {"c", "e"}
    assert found.modules == {"c": "a.b", "e": "d.e"}
    assert found.defines == {"f", "A"}
    assert found.literals == {"n": 5, "lo": 0.5, "hi": "x", "u": -3}


def test_deleted_names_are_not_bound_any_more():
    found = analyse("x = 1\ndel x\ndel y")
    assert (found.binds, found.deletes, found.reads) == (set(), {"x", "y"}, {"y"})


def test_a_shell_command_touches_no_names_and_is_told():
    found = analyse("%%bash\nrm -f x")
    assert (found.reads, found.binds, found.unknown) == (set(), set(), None)
    assert found.outside == ("runs %%bash",)
    assert analyse("%%writefile helper.py\nx = 1").outside == ("writes the file helper.py",)


def test_a_function_that_calls_itself_ends():
    assert analyse("def f(n): return f(n - k)\nf(3)").reads == {"k"}


def test_analysing_twice_gives_the_same_object():
    assert analyse("x = y * 2") is analyse("x = y * 2")
