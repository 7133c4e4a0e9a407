"""Functions compiled to machine code by numba, which is heavy: import it where such a function is used."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy"}  # division by zero as in numpy
_BARE: dict[str, Any] = {"_nrt": False, **_OPTIONS}


def compiled(function: F) -> F:
    """``function`` compiled when first called, kept on disk between processes where the disk can be written.

    numba compiles anew when the file that holds it changes, and only then: it may call other compiled
    functions of its own file only.
    """
    try:
        made = numba.njit(cache=True, **_OPTIONS)(function)
    except RuntimeError:  # nowhere to keep it: neither beside the file nor in the user's own folder
        made = numba.njit(**_OPTIONS)(function)
    return cast("F", made)


def inner(function: F) -> F:
    """``function`` for compiled functions to call, with arrays to read or write but none to make.

    Counting references to arrays at each call, atomically, costs as much as the work of a small function.
    """
    try:
        made = numba.njit(**_BARE)(function)
    except (KeyError, TypeError):  # not an option of every numba
        made = numba.njit(**_OPTIONS)(function)
    return cast("F", made)


def inlined(function: F) -> F:
    """The same for what is called most: it becomes a part of each of its callers."""
    try:
        made = numba.njit(forceinline=True, **_BARE)(function)
    except (KeyError, TypeError):  # not an option of every numba
        made = numba.njit(**_OPTIONS)(function)
    return cast("F", made)
