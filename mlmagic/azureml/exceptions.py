"""The exceptions of Azure ML v1, by the names that users catch.

AzureMLException            .message, .inner_exception
├─ UserErrorException       ─ AuthenticationException
├─ WebserviceException      services and models; .status_code
├─ ModelNotFoundException, ModelPathNotFoundException
├─ WorkspaceException, ProjectSystemException, ComputeTargetException
├─ ExperimentExecutionException, ActivityFailedException, RunConfigurationException, …
└─ AzureMLAggregatedException
"""

from __future__ import annotations

import json
import sys
import traceback
from typing import Any

__all__ = [
    "ActivityFailedException",
    "AuthenticationException",
    "AzureMLAggregatedException",
    "AzureMLException",
    "ComputeTargetException",
    "DatasetTimestampMissingError",
    "DiscoveryUrlNotFoundException",
    "ExperimentExecutionException",
    "ModelNotFoundException",
    "ModelPathNotFoundException",
    "ParallelRunException",
    "ProjectSystemException",
    "RunConfigurationException",
    "RunEnvironmentException",
    "ServiceException",
    "SnapshotException",
    "TrainingException",
    "UserErrorException",
    "WebserviceException",
    "WorkspaceException",
    "WorkspacePrivateEndpointException",
]

_CODE = {"UserErrorException": "UserError", "AuthenticationException": "Authentication"}


class AzureMLException(Exception):
    """The root of v1's exceptions."""

    message: str
    inner_exception: object

    def __init__(
        self,
        exception_message: str,
        inner_exception: object = None,
        target: str | None = None,
        details: object = None,
        message_format: str | None = None,
        message_parameters: object = None,
        reference_code: str | None = None,
        **_: Any,
    ) -> None:
        super().__init__(exception_message)
        self.message = exception_message
        self.inner_exception = inner_exception
        self._place = {"target": target, "details": details}
        self._exc_info = sys.exc_info()

    def __str__(self) -> str:
        return (
            f"{type(self).__name__}:\n\tMessage: {self.message}\n\tInnerException "
            f"{self.inner_exception}\n\tErrorResponse \n{self._response()}"
        )

    __repr__ = __str__

    def print_stacktrace(self) -> None:
        """Print the exception that was being handled when this one was made."""
        traceback.print_exception(*self._exc_info)

    def _response(self) -> str:
        error: dict[str, Any] = {}
        for kind in type(self).__mro__:
            if code := _CODE.get(kind.__name__):
                error = {"code": code, "inner_error": error} if error else {"code": code}
        error |= {"message": self.message}
        error |= {key: value for key, value in self._place.items() if value is not None}
        return json.dumps({"error": error}, indent=4)


class AzureMLAggregatedException(AzureMLException):
    """Several errors at once."""

    def __init__(self, exceptions_list: list[str], **kwargs: Any) -> None:
        super().__init__("\n".join(exceptions_list), **kwargs)


class UserErrorException(AzureMLException):
    """An argument or a file of the user is wrong."""

    def __init__(self, exception_message: str, **kwargs: Any) -> None:
        super().__init__(exception_message, **kwargs)


class AuthenticationException(UserErrorException):
    """Somebody is not who they should be."""


class WebserviceException(AzureMLException):
    """A service, a model or a deployment could not do what was asked."""

    status_code: object

    def __init__(
        self,
        exception_message: str,
        status_code: object = None,
        logger: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(exception_message, **kwargs)
        self.status_code = status_code
        if logger is not None:
            logger.error("%s", exception_message)


class _Logged(AzureMLException):
    def __init__(self, exception_message: str, logger: Any = None, **kwargs: Any) -> None:
        super().__init__(exception_message, **kwargs)
        if logger is not None:
            logger.error("%s", exception_message)


class ModelNotFoundException(_Logged):
    """There is no such model."""


class ModelPathNotFoundException(_Logged):
    """A run has no file of this path."""


class _Plain(AzureMLException):
    def __init__(self, exception_message: str, **kwargs: Any) -> None:
        super().__init__(exception_message, **kwargs)


class ComputeTargetException(_Plain):
    """A compute target could not do what was asked."""


class ExperimentExecutionException(_Plain):
    """A run could not be started."""


class ProjectSystemException(_Plain):
    """A workspace could not be found or changed."""


class RunConfigurationException(_Plain):
    """The configuration of a run is wrong."""


class SnapshotException(_Plain):
    """The files of a run could not be kept."""


class TrainingException(_Plain):
    """A training failed."""


class RunEnvironmentException(AzureMLException):
    """There is no run to speak of."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            "Could not load the run context: this process was not started by a run.", **kwargs
        )


class WorkspaceException(AzureMLException):
    """There is no such workspace, or there are several."""

    found_multiple: bool

    def __init__(
        self,
        exception_message: str,
        found_multiple: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(exception_message, **kwargs)
        self.found_multiple = found_multiple


class WorkspacePrivateEndpointException(WorkspaceException):
    """Never raised here: there are no private endpoints."""


class ActivityFailedException(AzureMLException):
    """A run failed."""

    def __init__(self, error_details: object, **kwargs: Any) -> None:
        super().__init__(f"Activity Failed:\n{error_details}", **kwargs)


class DatasetTimestampMissingError(ActivityFailedException):
    """Never raised here: there are no data sets."""


class DiscoveryUrlNotFoundException(AzureMLException):
    """Never raised here: there is nothing to discover."""

    def __init__(self, discovery_key: str, **kwargs: Any) -> None:
        super().__init__(f"Could not load discovery key {discovery_key}.", **kwargs)


class ParallelRunException(AzureMLException):
    """Raised by entry scripts of batch scoring, to say how to go on."""

    code: str | None
    delay_seconds: float

    def __init__(
        self,
        exception_message: str,
        code: str | None = None,
        delay_seconds: float = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(exception_message, **kwargs)
        self.code = code
        self.delay_seconds = delay_seconds


class ServiceException(AzureMLException):
    """Never raised here: there is no service behind the SDK."""

    status_code: object
    details: list[object]

    def __init__(self, error_response_exception: object, **kwargs: Any) -> None:
        super().__init__(f"{error_response_exception}", **kwargs)
        self.status_code, self.details = None, []
