"""``InferenceConfig``: entry script, source directory and environment of a service."""

from __future__ import annotations

import ast
import keyword
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlmagic.azureml.coverage import differs, refuse
from mlmagic.azureml.exceptions import UserErrorException, WebserviceException

if TYPE_CHECKING:
    from mlmagic.azureml.core.container_registry import ContainerRegistry
    from mlmagic.azureml.core.environment import Environment
    from mlmagic.azureml.core.workspace import Workspace


@refuse("Measure the deployed service.", "build_profile_payload")
class InferenceConfig:
    """Entry script, source directory and environment of a service.

    Raises:
        WebserviceException: The script is missing, or parts exclude each other.
        UserErrorException: The script cannot be parsed.
    """

    def __init__(
        self,
        entry_script: str,
        runtime: str | None = None,
        conda_file: str | None = None,
        extra_docker_file_steps: str | None = None,
        source_directory: str | None = None,
        enable_gpu: bool | None = None,
        description: str | None = None,
        base_image: str | None = None,
        base_image_registry: ContainerRegistry | None = None,
        cuda_version: str | None = None,
        environment: Environment | None = None,
    ) -> None:
        self.entry_script = entry_script
        self.runtime, self.conda_file = runtime, conda_file
        self.extra_docker_file_steps = extra_docker_file_steps
        self.source_directory = source_directory and str(Path(source_directory).resolve())
        self.enable_gpu, self.cuda_version = enable_gpu, cuda_version
        self.description = description
        self.base_image, self.base_image_registry = base_image, base_image_registry
        self.environment = environment
        self.validate_configuration()

    def validate_configuration(self) -> None:
        """Check the parts, as v1 did before anything was sent."""
        old = (self.runtime, self.conda_file, self.extra_docker_file_steps, self.enable_gpu)
        if self.environment is not None and any((*old, self.cuda_version, self.base_image)):
            raise WebserviceException(
                "Error, unable to provide runtime, conda_file, extra_docker_file_steps, "
                "enable_gpu, cuda_version, or base_image along with an environment object."
            )
        if not self.entry_script:
            raise WebserviceException("Error, need to specify entry_script.")
        folder = self.source_directory
        if folder and not Path(folder).is_dir():
            raise WebserviceException(f"source directory {folder} doesn't exist. ")
        path = Path(folder or ".") / self.entry_script
        if not path.is_file():
            raise WebserviceException(
                f"entry_script {path if folder else self.entry_script} doesn't exist. "
                "entry_script should be path relative to current working directory"
            )
        _check_script_name(path)
        self.validation_script_content()

    def validation_script_content(self) -> None:
        """Check that the script can be parsed."""
        path = Path(self.source_directory or ".") / self.entry_script
        try:
            ast.parse(path.read_text("utf-8-sig"), filename=path.name)
        except (SyntaxError, ValueError) as error:
            raise UserErrorException(
                f"{error}. Please check it and try local deployment to verify."
            ) from error

    @differs("Returns the keys of an inference configuration file")
    def build_create_payload(
        self, workspace: Workspace, name: str, model_ids: list[str]
    ) -> dict[str, Any]:
        """Return it under v1's keys, for `Workspace.deploy`."""
        registry = self.base_image_registry
        keys: dict[str, Any] = {
            "entryScript": self.entry_script,
            "sourceDirectory": self.source_directory,
            "description": self.description,
            "runtime": self.runtime,
            "condaFile": self.conda_file,
            "extraDockerfileSteps": self.extra_docker_file_steps,
            "enableGpu": self.enable_gpu,
            "baseImage": self.base_image,
            # Its address alone: what refuses it needs no password.
            "baseImageRegistry": registry and registry.address,
            "cudaVersion": self.cuda_version,
        }
        if self.environment is not None:
            document = self.environment._to_document()
            if self.environment.name.lower().startswith(("azureml", "microsoft")):
                del document["name"]
            keys["environment"] = document
        return {key: value for key, value in keys.items() if value is not None}

    def __repr__(self) -> str:
        names = (
            "entry_script", "runtime", "conda_file", "extra_docker_file_steps",
            "source_directory", "enable_gpu", "base_image", "base_image_registry",
        )  # fmt: skip
        parts = ", ".join(f"{name}={getattr(self, name)}" for name in names)
        return f"InferenceConfig({parts})"


def _check_script_name(path: Path) -> None:
    if path.suffix != ".py":
        raise WebserviceException(
            "Invalid driver type. Currently only Python drivers are supported."
        )
    if not path.stem.isidentifier() or keyword.iskeyword(path.stem):
        raise WebserviceException(
            f"Error, the name of the entry script '{path.name}' is no name of a Python module."
        )
