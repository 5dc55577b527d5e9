"""What names of methods, functions and packages tell about what calling them does to objects.

Nothing is imported or looked up: the code of libraries is not read, so these words stand for it. A
word that is missing here makes a slice larger, or leaves a change unseen: the first is preferred.
"""

from __future__ import annotations

import builtins
import re
import sys

#: IPython's own names: history, the shell
_HISTORY = re.compile(r"_{1,3}|_i{1,3}|_i?\d+|_ih|_oh|_dh|In|Out")
_SHELL = frozenset({"get_ipython", "exit", "quit", "display", "__name__", "__file__", "__doc__"})
BUILTINS = frozenset(dir(builtins)) | _SHELL

#: what hands out or changes all names at once
ANYTHING = frozenset({"exec", "eval", "globals", "locals", "vars", "execfile"})

#: methods that only look, where their value is not used
_LOOKING = frozenset(
    "head tail describe info sample value_counts groupby agg aggregate pivot pivot_table merge "
    "join sort_values sort_index reset_index set_index nlargest nsmallest query isna isnull notna "
    "nunique unique corr cov mean median sum min max std var count mode quantile round rename "
    "drop dropna fillna assign astype melt stack unstack transpose copy items keys values show "
    "display savefig select filter limit collect compute tolist format upper lower strip split "
    "replace startswith endswith predict predict_proba score result wait exists is_file is_dir "
    "iterdir glob rglob read_text read_bytes visualize explain shape index nbytes memory_usage "
    "interactive configure_view properties encode mark_line mark_bar mark_point submit map".split()
)
_LOOKING_BEGINS = ("to_", "is_", "has_", "print", "write_html", "write_image", "get_")
#: methods that draw: on axes they are given data, of a table they only show it
DRAWING = frozenset("plot hist boxplot scatter bar barh line pie area".split())
#: attributes through which a table only shows or computes
ACCESSORS = frozenset("plot str dt cat style sparse hvplot".split())
#: attributes that are facts of their own
FACTS = frozenset("shape size ndim empty dtype dtypes columns __name__ __class__".split())

#: methods that change their object although their value is used
_CHANGING = frozenset(
    "append add insert extend update pop popitem popleft appendleft extendleft remove discard "
    "clear sort reverse setdefault fit fit_transform partial_fit fetchone fetchall fetchmany "
    "execute read readline readlines write writelines send throw put put_nowait get_nowait recv "
    "rotate subtract difference_update intersection_update __setitem__ __next__ setflags "
    "seek resize itemset set_params load_state_dict step backward train".split()
)
#: methods whose object holds its arguments afterwards
_KEEPING = frozenset(
    "append add insert extend update setdefault appendleft extendleft put put_nowait push "
    "register __setitem__ subscribe connect".split()
)
_KEEPING_BEGINS = ("add_", "set_", "register_", "append_", "insert_")
#: functions and methods whose value shares objects with what they were given
_SHARING = frozenset(
    "iter zip enumerate map filter reversed sorted list tuple dict set frozenset next partial "
    "min max get setdefault pop popitem popleft items values keys view reshape ravel squeeze "
    "transpose swapaxes asarray asanyarray atleast_1d fit set_params cast chain islice cycle "
    "getattr vars memoryview add_subplot gca gcf subplots twinx __enter__ __getitem__ "
    "__iter__ __next__ deque defaultdict OrderedDict Counter namedtuple".split()
)
#: methods that give a new container of the same parts
COPIES = frozenset("copy union intersection difference symmetric_difference".split())
#: functions that change an argument, whoever has them
_CHANGES_ARGUMENTS = frozenset(
    "next setattr delattr shuffle heappush heappop heapify heapreplace heappushpop insort "
    "insort_left insort_right fill_diagonal copyto place putmask put update_wrapper".split()
)
#: what gives an iterator: using it changes it
ITERATORS = frozenset("iter zip enumerate map filter reversed open chain islice cycle tee".split())
#: generators of random numbers: drawing changes them
GENERATORS = frozenset(
    "default_rng RandomState Generator Random SystemRandom PCG64 SeedSequence".split()
)

#: packages by the names everybody gives them, where their import is not seen
USUAL = {
    "np": "numpy", "pd": "pandas", "plt": "matplotlib", "sns": "seaborn", "px": "plotly",
    "go": "plotly", "alt": "altair", "pl": "polars", "random": "random", "os": "os", "sys": "sys",
    "json": "json", "time": "time", "math": "math", "re": "re", "datetime": "datetime",
}  # fmt: skip
#: packages whose functions change neither their arguments nor, but for the settings, themselves
_QUIET = frozenset(
    "numpy pandas matplotlib seaborn plotly altair bokeh IPython scipy sklearn statsmodels polars "
    "pyarrow requests httpx tqdm dask xarray networkx rich vega_datasets nbflow json pickle "
    "joblib cloudpickle pprint time gc csv math itertools functools operator re datetime".split()
)
_SETTING = re.compile(
    r"(?:^|_)(?:set|use|seed|register|enable|disable|configure|config|basicConfig|filterwarnings|"
    r"simplefilter|options?|init|login|switch|reset|theme|install|patch|rc|ion$|ioff$|defaults?)"
)


def is_history(name: str) -> bool:
    """Say whether a name is IPython's, for what was typed or shown before."""
    return _HISTORY.fullmatch(name) is not None


def is_random(package: str) -> bool:
    """Say whether a package is one whose functions draw random numbers."""
    return package.rpartition(".")[2] == "random"


def changes(method: str) -> bool:
    """Say whether a method changes its object even where its value is used."""
    return method in _CHANGING


def looks(method: str) -> bool:
    """Say whether a method that is called for no value only looks at its object."""
    return method in _LOOKING or method.startswith(_LOOKING_BEGINS)


def keeps(method: str) -> bool:
    """Say whether an object holds what this method was given."""
    return method in _KEEPING or method.startswith(_KEEPING_BEGINS)


def shares(function: str) -> bool:
    """Say whether a function's value shares objects with what it was given."""
    # A class by its usual spelling: its instance may keep what it was made of.
    return function in _SHARING or function[:1].isupper()


def changes_arguments(function: str, package: str | None, *, alone: bool) -> bool:
    """Say whether a function may change its arguments.

    Args:
        package: where it comes from; None: nobody knows.
        alone: it is called for no value.
    """
    if function in _CHANGES_ARGUMENTS:
        return True
    if not alone or function in BUILTINS:
        return False
    return package is None or not _is_known(package)


def changes_package(function: str, package: str) -> bool:
    """Say whether calling a package's function for no value changes the package's state."""
    if package.partition(".")[0] in _QUIET:
        return _SETTING.search(function) is not None
    return True


def _is_known(package: str) -> bool:
    top = package.partition(".")[0]
    return top in _QUIET or top in sys.stdlib_module_names
