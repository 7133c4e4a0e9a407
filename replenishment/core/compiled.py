"""Functions compiled to machine code by numba, which is heavy: import it where such a function is used."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F) -> F:
    """``function`` compiled when first called, kept on disk between processes where the disk can be written.

    The file that holds it tells numba when to compile anew, so that it may call other compiled functions of
    its own file only.
    """
    try:
        made = numba.njit(cache=True, nogil=True)(function)
    except RuntimeError:  # nowhere to keep it: neither beside the file nor in the user's own folder
        made = numba.njit(nogil=True)(function)
    return cast("F", made)
