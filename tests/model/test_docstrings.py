"""What docstrings say of parameters, in the three ways people write them."""

from __future__ import annotations

import pytest

from nbflow.model import docstrings

GOOGLE = """Sum.

    Args:
        n (int): how many,
            at most.
        *others: more of them.

    Returns:
        total: not a parameter.
    """
NUMPY = """Sum.

    Parameters
    ----------
    n : int
        how many,
        at most.
    others
        more of them.

    Returns
    -------
    total
        not a parameter
    """
SPHINX = """Sum.

    :param int n: how many,
        at most.
    :param others: more of them.
    :returns: total
    """


@pytest.mark.parametrize("doc", [GOOGLE, NUMPY, SPHINX], ids=["google", "numpy", "sphinx"])
def test_each_parameter_is_told_on_one_line(doc: str) -> None:
    assert docstrings.of_parameters(doc) == {"n": "how many, at most.", "others": "more of them."}


@pytest.mark.parametrize("doc", [None, "", "Args:", "Just: a sentence.", "Parameters\n----"])
def test_a_docstring_without_parameters_tells_none(doc: str | None) -> None:
    assert docstrings.of_parameters(doc) == {}
