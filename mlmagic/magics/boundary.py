"""Errors of magics: one line for people, the whole exception for programs.

An exception whose instance has ``_render_traceback_`` shows what that returns, and keeps its name
and message for papermill; IPython's own ``UsageError`` would lose both.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, TypeVar

from IPython.core.error import UsageError as ShellUsageError

from mlmagic.errors import MlmagicError
from mlmagic.options import usage_error

if TYPE_CHECKING:
    from collections.abc import Callable

E = TypeVar("E", bound=MlmagicError)


def user_errors(method: Callable[..., Any]) -> Callable[..., Any]:
    """Show the errors that mlmagic raises on purpose as one line."""

    @functools.wraps(method)
    def wrapper(self: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return method(self, *args, **kwargs)
        except ShellUsageError as error:
            raise compact(usage_error(str(error)), self) from None
        except MlmagicError as error:
            raise compact(error, self)  # noqa: B904 - it is the same exception

    return wrapper


def compact(error: E, magics: Any) -> E:
    """Give an exception the short form, unless the user asked for tracebacks."""
    if not magics.show_traceback:
        # Bound now: a closure over the exception would find it deleted.
        lines = [f"{type(error).__name__}: {error}"]
        error._render_traceback_ = lambda: lines  # type: ignore[attr-defined]
    return error
