"""``InferenceConfig``: entry script, source directory and environment of a service."""

from __future__ import annotations

import ast
import keyword
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlmagic.azureml.core.container_registry import ContainerRegistry
from mlmagic.azureml.coverage import differs, differs_in, of_the_files, refuse
from mlmagic.azureml.exceptions import UserErrorException, WebserviceException

if TYPE_CHECKING:
    from mlmagic.azureml.core.environment import Environment
    from mlmagic.azureml.core.workspace import Workspace


_RUNTIMES = ("spark-py", "python")
_CUDA_VERSIONS = ("9.0", "9.1", "10.0")


@refuse("Measure the deployed service.", "build_profile_payload")
@differs_in(of_the_files("inference"))
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
        self.base_image = base_image
        self.base_image_registry = base_image_registry or ContainerRegistry()
        self.environment = environment
        self.validate_configuration()

    entry_script: str
    runtime: str | None
    conda_file: str | None
    extra_docker_file_steps: str | None
    source_directory: str | None
    enable_gpu: bool | None
    cuda_version: str | None
    description: str | None
    base_image: str | None
    base_image_registry: ContainerRegistry
    environment: Environment | None

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
        if self.source_directory:
            _check_exists("source directory", self.source_directory)
        path = self._place(self.entry_script)
        words = "entry_script should be path relative to current working directory"
        _check_exists("entry_script", path, words)
        _check_script_name(Path(path))
        if self.runtime and self.runtime.lower() not in (*_RUNTIMES, "python-slim"):
            runtimes = "|".join(_RUNTIMES)
            raise WebserviceException(
                f"Provided runtime not supported. Possible runtimes are: {runtimes}"
            )
        if self.cuda_version is not None and self.cuda_version.lower() not in _CUDA_VERSIONS:
            raise WebserviceException(
                "Provided cuda_version not supported. Possible cuda_versions are: "
                f"{'|'.join(_CUDA_VERSIONS)}"
            )
        if self.conda_file:
            _check_exists("Conda file", self._place(self.conda_file))
        if self.extra_docker_file_steps:
            _check_exists("extra docker file steps", self._place(self.extra_docker_file_steps))
        self.validation_script_content()

    def _place(self, path: str) -> str:
        """Say where a file lies: in the source directory where there is one, as in v1."""
        return os.path.normpath(os.path.join(self.source_directory or "", path))  # noqa: PTH118

    def validation_script_content(self) -> None:
        """Check that the script can be parsed."""
        path = Path(self._place(self.entry_script))
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
            "baseImageRegistry": self.base_image_registry.address,
            "cudaVersion": self.cuda_version,
        }
        if self.environment is not None:
            keys["environment"] = self.environment._to_document()
        return {key: value for key, value in keys.items() if value is not None}

    def _print(self) -> None:
        """Print what is about to be deployed, in v1's lines."""
        folder = Path(self.source_directory).name if self.source_directory else ""
        script = self.entry_script if folder else Path(self.entry_script).name
        print(f"Entry script: {Path(folder, script)}")
        if self.base_image:
            print(f"Base image: {self.base_image}")
        if self.environment is None:
            return
        variables, docker = self.environment.environment_variables, self.environment.docker
        if variables and len(variables) > 1:
            print(f"Environment variables: {', '.join(variables)}")  # values may be secrets
        conda = self.environment.python.conda_dependencies
        if conda is not None and (needs := conda.as_dict().get("dependencies")):
            print(f"Environment dependencies: {needs}")
        if docker.base_image:
            print(f"Environment docker image: {docker.base_image}")
        if docker.base_dockerfile:
            print(f"Environment docker file: {docker.base_dockerfile}")

    def __repr__(self) -> str:
        names = (
            "entry_script", "runtime", "conda_file", "extra_docker_file_steps",
            "source_directory", "enable_gpu", "base_image", "base_image_registry",
        )  # fmt: skip
        parts = ", ".join(f"{name}={getattr(self, name)}" for name in names)
        return f"InferenceConfig({parts})"


def _check_exists(what: str, path: str, more: str = "") -> None:
    if not Path(path).exists():
        raise WebserviceException(f"{what} {path} doesn't exist. {more}")


def _check_script_name(path: Path) -> None:
    if path.suffix != ".py":
        raise WebserviceException(
            "Invalid driver type. Currently only Python drivers are supported."
        )
    if not path.stem.isidentifier() or keyword.iskeyword(path.stem):
        raise WebserviceException(
            f'Error, invalid name "{path.stem}" for provided entry script. The script must be '
            "importable as a valid python module, and must adhere to standard module naming. This "
            "means it must be a valid python identifier and not a part of the set of python "
            "standard keywords."
        )
