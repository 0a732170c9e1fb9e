"""Our errors as v1's exceptions, with the fact and the way out in the message."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from mlmagic import errors
from mlmagic.azureml import exceptions

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")
R = TypeVar("R")


def as_v1(function: Callable[P, R]) -> Callable[P, R]:
    """Let a function raise v1's exceptions in place of ours.

    They say all that ours say: a second traceback, of where ours came from, would only hide the
    line of the user that the first one begins with.
    """

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except errors.MlmagicError as error:
            raise translated(error) from None

    return call


def translated(error: errors.MlmagicError) -> exceptions.AzureMLException:
    """Return v1's exception for one of ours."""
    message = str(error)
    match error:
        case errors.ModelNotFoundError():
            return exceptions.ModelNotFoundException(f"ModelNotFound: {message}")
        case errors.ServiceNotFoundError():
            return exceptions.WebserviceException(f"WebserviceNotFound: {message}")
        case errors.ScoringError():
            return exceptions.WebserviceException(message, error.status)
        case errors.TargetError():
            return exceptions.ComputeTargetException(message)
        case errors.ConfigurationError() | errors.ScriptError() | errors.EnvironmentSetupError():
            return exceptions.UserErrorException(message)
        case _:
            return exceptions.WebserviceException(message)
