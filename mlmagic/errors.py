"""The exceptions of mlmagic.

Every message reads: the fact, the value in quotes, the way out.

    MlmagicError                       .hint: what to do next
    ├─ ConfigurationError              a setting, option or configuration file is wrong
    │  ├─ UsageError                   a magic or a command was called wrongly
    │  └─ DamagedRecordError           a durable record cannot be read
    ├─ RegistryError
    │  ├─ ModelNotFoundError
    │  ├─ ModelInUseError              deletion refused: services use the model
    │  ├─ ModelIntegrityError          content does not match its digest
    │  └─ UnsafeModelError             a pickle calls something outside the allow-list
    ├─ EnvironmentSetupError           capture, lock or realisation of an environment failed
    │  └─ EnvironmentNotFoundError
    ├─ ImageError                      .reason: one word for machines, as in a service's status
    │  ├─ ImageBuildError              a layer or an image cannot be made
    │  ├─ ImagePullError               a base image is missing, unreachable or of no use
    │  └─ ImagePushError               a registry did not take an image
    ├─ ScriptError                     .problems: what is wrong, with line numbers
    │  ├─ ScriptContractError          the script would not work elsewhere
    │  └─ ScriptTrialError             init() or run() failed in the trial
    ├─ TargetError
    │  ├─ TargetNotFoundError
    │  └─ TargetUnavailableError
    ├─ ServiceError
    │  ├─ ServiceNotFoundError
    │  ├─ ServiceExistsError
    │  ├─ ServiceBusyError             another notebook is deploying this service
    │  ├─ ServiceUnavailableError      the service cannot answer now
    │  ├─ ScoringError                 the service answered with an error; .status, .body
    │  └─ DeploymentFailedError        .status: the ServiceStatus it ended in
    │     └─ DeploymentTimeoutError
    ├─ CancelledError                  somebody cancelled it; nothing of it is left
    │  └─ RegistrationCancelledError   a RegistryError, too
    └─ MissingDependencyError          an optional package is needed
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlmagic.entities import Problem, ServiceStatus


class MlmagicError(Exception):
    """The root of all errors that mlmagic raises on purpose.

    Args:
        message: The fact, with the offending value in quotes.
        hint: What to do next, as one sentence; what it names is written as a magic
            (``%ml service list``), which the command shows as one of its own.
    """

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message if hint is None else f"{message} {hint}")
        self.message = message
        self.hint = hint


class ConfigurationError(MlmagicError):
    """A setting, an option or a configuration file is wrong."""


class UsageError(ConfigurationError):
    """A magic or a command was called wrongly."""


class DamagedRecordError(ConfigurationError):
    """A durable record cannot be read."""


class RegistryError(MlmagicError):
    """The model registry could not do what was asked."""


class ModelNotFoundError(RegistryError):
    """No registered model has this name or version."""


class ModelInUseError(RegistryError):
    """The model is used by services and cannot be deleted."""


class ModelIntegrityError(RegistryError):
    """Stored content does not match its digest."""


class UnsafeModelError(RegistryError):
    """A pickle calls something outside the allow-list of the workspace."""


class CancelledError(MlmagicError):
    """Somebody cancelled it; nothing of it is left."""


class RegistrationCancelledError(CancelledError, RegistryError):
    """Somebody cancelled a registration; nothing of it is visible."""


class EnvironmentSetupError(MlmagicError):
    """An environment could not be captured, locked or realised."""


class EnvironmentNotFoundError(EnvironmentSetupError):
    """No environment of this name is known."""


class ImageError(MlmagicError):
    """An image could not be made or moved; ``reason`` is a service's reason for it.

    Attributes:
        status: What a registry answered; None for what is no refusal of one.
        retry_after: Seconds after which it wants to be asked again; 0 where it does not say.
    """

    reason = "ImageBuildFailed"
    status: int | None = None
    retry_after: float = 0.0


class ImageBuildError(ImageError):
    """A layer or an image cannot be made, or the engine did not take it."""


class ImagePullError(ImageError):
    """A base image is missing, unreachable, or of no use for a service."""

    reason = "ImagePullFailed"


class ImagePushError(ImageError):
    """A registry did not take an image."""

    reason = "ImagePushFailed"


class ScriptError(MlmagicError):
    """An entry script is not usable."""

    def __init__(
        self, message: str, *, hint: str | None = None, problems: tuple[Problem, ...] = ()
    ) -> None:
        super().__init__(message, hint=hint)
        self.problems = problems


class ScriptContractError(ScriptError):
    """An entry script would not work outside the notebook."""


class ScriptTrialError(ScriptError):
    """``init()`` or ``run()`` failed when the script was tried."""


class TargetError(MlmagicError):
    """A compute target could not do what was asked."""


class TargetNotFoundError(TargetError):
    """No compute target of this name is known."""


class TargetUnavailableError(TargetError):
    """The compute target cannot be used now."""


class ServiceError(MlmagicError):
    """A service could not do what was asked."""


class ServiceNotFoundError(ServiceError):
    """No service of this name is known."""


class ServiceExistsError(ServiceError):
    """A service of this name exists already."""


class ServiceBusyError(ServiceError):
    """Somebody else is changing this service now."""


class ServiceUnavailableError(ServiceError):
    """The service cannot answer now."""


class ScoringError(ServiceError):
    """The service answered a scoring request with an error.

    Args:
        message: What happened, in words.
        status: The HTTP status code.
        body: The body of the answer, as text.
    """

    def __init__(self, message: str, *, status: int, body: str, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.body = body


class DeploymentFailedError(ServiceError):
    """A deployment did not become Healthy.

    Args:
        message: What happened, in words.
        status: The status that the service ended in.
    """

    def __init__(
        self, message: str, *, status: ServiceStatus | None = None, hint: str | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.status = status


class DeploymentTimeoutError(DeploymentFailedError):
    """A deployment did not become Healthy in the time allowed."""


class MissingDependencyError(MlmagicError):
    """An optional package is needed for this."""


_SHOWN_NAMES = 12


class Remark(str):
    """A line of progress that stays, in the words of an error: something is not done as asked.

    It must be passed on as it is: text that is made of it is a line like others.
    """

    __slots__ = ()


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Say which known names are near a word, and which exist.

    Args:
        word: What the user wrote.
        known: The names that exist.

    Returns:
        A sentence such as ``Did you mean 'iris'? Known: 'iris', 'wine'.``

    Example:
        >>> did_you_mean("irsi", ["iris", "wine"])
        "Did you mean 'iris'? Known: 'iris', 'wine'."
    """
    names = sorted(set(known))
    if not names:
        return "There are none yet."
    near = difflib.get_close_matches(word, names, n=1, cutoff=0.5)
    shown = ", ".join(f"'{name}'" for name in names[:_SHOWN_NAMES]) + (
        ", …" if len(names) > _SHOWN_NAMES else ""
    )
    return f"Did you mean '{near[0]}'? Known: {shown}." if near else f"Known: {shown}."
