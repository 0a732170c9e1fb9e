"""``Model``, as far as v1's entry scripts use it inside a service."""

from __future__ import annotations

from typing import Any

from mlmagic.scoring.models import ModelLoadError, get_model_path


class ModelNotFoundException(ModelLoadError):  # noqa: N818 - v1's name
    """The service has no such model."""


class Model:
    """Finds models of the service; the rest of v1's class belongs to the notebook."""

    @staticmethod
    def get_model_path(model_name: str, version: int | None = None, _workspace: Any = None) -> str:
        """Say where a model lies.

        Args:
            model_name: Its name, or that of a file or folder of the source directory.
            version: Its version; None is the newest.

        Raises:
            ModelNotFoundException: Nothing is there.
        """
        try:
            return get_model_path(model_name, version)
        except ModelLoadError as error:
            raise ModelNotFoundException(str(error)) from error
