"""``azureml.core.environment``: what a service's Python needs, in v1's object."""

from __future__ import annotations

import copy
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TextIO

from mlmagic.azureml.core.conda_dependencies import CondaDependencies
from mlmagic.azureml.core.container_registry import ContainerRegistry
from mlmagic.azureml.coverage import differs, refuse, refused_class
from mlmagic.azureml.exceptions import UserErrorException
from mlmagic.azureml.translating import as_v1
from mlmagic.configurations import read_environment_directory, write_environment_directory

if TYPE_CHECKING:
    from mlmagic.azureml.core.workspace import Workspace

DEFAULT_CPU_IMAGE = "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04"
DEFAULT_GPU_IMAGE = f"{DEFAULT_CPU_IMAGE}-cuda"
_DEFINITION = "azureml_environment.json"
_R = "Entry scripts are Python: R and Spark are not run."
_EXAMPLE = {"EXAMPLE_ENV_VAR": "EXAMPLE_VALUE"}
_IMAGES = "Images are made when a service is deployed to Docker or Kubernetes."


class PythonSection:
    """The section ``python`` of an environment."""

    interpreter_path: str
    user_managed_dependencies: bool
    conda_dependencies: CondaDependencies | None
    conda_dependencies_file: str | None
    base_conda_environment: str | None

    def __init__(self) -> None:
        self.interpreter_path = "python"
        self.user_managed_dependencies = False
        self.conda_dependencies = CondaDependencies()
        self.conda_dependencies_file = None
        self.base_conda_environment = None


@refuse("Give a Dockerfile: base_dockerfile.", properties=("build_context",))
@refuse("The cluster's nodes decide it.", properties=("platform",))
class DockerSection:
    """The section ``docker`` of an environment; image and Dockerfile exclude each other."""

    enabled: bool
    base_image_registry: ContainerRegistry
    shared_volumes: bool
    shm_size: str | None
    arguments: list[str]
    gpu_support: bool

    def __init__(self) -> None:
        self.enabled = False
        self._image: str | None = DEFAULT_CPU_IMAGE
        self._dockerfile: str | None = None
        self.base_image_registry = ContainerRegistry()
        self.shared_volumes = True
        self.shm_size = "2g"
        self.arguments = []
        self.gpu_support = True

    @property
    def base_image(self) -> str | None:
        """The image that the service's own is built on."""
        return self._image

    @base_image.setter
    def base_image(self, value: str | None) -> None:
        self._image = value
        if value is not None:
            self._dockerfile = None

    @property
    def base_dockerfile(self) -> str | None:
        """The text of a Dockerfile; it is read of a file that is named, or open."""
        return self._dockerfile

    @base_dockerfile.setter
    def base_dockerfile(self, value: str | TextIO | None) -> None:
        if value is not None and not isinstance(value, str):
            value = value.read()
        elif value and os.path.isfile(value):  # noqa: PTH113 - a line may be too long for a path
            value = Path(value).read_text("utf-8-sig")
        self._dockerfile = value or None
        if value:
            self._image = None


@refuse(_IMAGES, "build_local", "get_image_details", "from_docker_build_context")
@refuse("Give 'name @ file:…' or a folder as a pip package.", "add_private_pip_wheel")
@refuse("Use the version that register() returns.", "label")
@refuse("Export it with 'conda env export', and read the file.", "from_existing_conda_environment")
@refuse(_R, properties=("spark", "databricks"))
class Environment:
    """The Python of a service: packages, variables and, for containers, the base image.

    Args:
        name: Its name.
    """

    name: str
    version: str | None
    environment_variables: dict[str, str] | None
    python: PythonSection
    docker: DockerSection
    r: None
    inferencing_stack_version: str | None
    asset_id: None

    def __init__(self, name: str, **_: Any) -> None:
        self.name = _checked(name)
        self.version = None
        self.environment_variables = dict(_EXAMPLE)
        self.python = PythonSection()
        self.docker = DockerSection()
        self.r = self.asset_id = None
        self.inferencing_stack_version = None

    def __str__(self) -> str:
        return f"Environment(Name: {self.name},\nVersion: {self.version})"

    def __repr__(self) -> str:
        return json.dumps(self._to_document(), indent=4, sort_keys=True)

    @staticmethod
    @differs("A file without a Python stands for the one that is here")
    def from_conda_specification(name: str, file_path: str) -> Environment:
        """Make one of a Conda file."""
        made = Environment(name)
        made.python.conda_dependencies = CondaDependencies(file_path)
        return made

    @staticmethod
    def from_pip_requirements(
        name: str, file_path: str, pip_version: str | None = None
    ) -> Environment:
        """Make one of a requirements file."""
        lines = Path(file_path).read_text("utf-8-sig").splitlines()
        made = Environment(name)
        conda = CondaDependencies.create(pip_packages=[line for line in lines if line.strip()])
        conda.add_conda_package(f"pip={pip_version}" if pip_version else "pip")
        made.python.conda_dependencies = conda
        return made

    @staticmethod
    def from_docker_image(
        name: str,
        image: str,
        container_registry: ContainerRegistry | None = None,
        conda_specification: str | None = None,
        pip_requirements: str | None = None,
    ) -> Environment:
        """Make one of an image, with packages on top where a file names them."""
        made = _with_packages(name, conda_specification, pip_requirements)
        made.docker.base_image = image
        made.docker.base_image_registry = container_registry or ContainerRegistry()
        return made

    @staticmethod
    def from_dockerfile(
        name: str,
        dockerfile: str,
        conda_specification: str | None = None,
        pip_requirements: str | None = None,
    ) -> Environment:
        """Make one of a Dockerfile, its text or its path."""
        made = _with_packages(name, conda_specification, pip_requirements)
        made.docker.base_dockerfile = dockerfile
        return made

    @staticmethod
    @differs("'AzureML-…' names stand for our curated sets with the same libraries")
    @as_v1
    def get(
        workspace: Workspace, name: str, version: str | None = None, label: str | None = None
    ) -> Environment:
        """Return a registered environment, the newest version unless told."""
        if version and label:
            raise UserErrorException("Only one of version or label can be specified")
        if label not in (None, "Latest"):
            raise UserErrorException(
                f"There is no environment '{name}' with the label '{label}': labels are not kept. "
                "Give its version, or leave the label out for the newest."
            )
        return Environment._from_document(
            workspace.local.environment_document(name, version=version)
        )

    @staticmethod
    @differs("Those of the workspace; 'AzureML-…' names are found by get alone")
    @as_v1
    def list(workspace: Workspace) -> dict[str, Environment]:
        """Return the newest version of each environment, by name."""
        return {
            name: Environment._from_document(workspace.local.environment_document(name))
            for name in workspace.local.environment_names()
        }

    @as_v1
    def register(self, workspace: Workspace) -> Environment:
        """Keep it in the workspace; the same definition makes no new version."""
        kept = workspace.local.register_environment_document(self._to_document())
        return Environment._from_document(kept)

    @differs("Registers it; images are made when a service is deployed to Docker or Kubernetes")
    def build(
        self, workspace: Workspace, image_build_compute: str | None = None
    ) -> ImageBuildDetails:
        """Register it; there is nothing more to do before a service is deployed."""
        self.register(workspace)
        return ImageBuildDetails(workspace, self.name)

    def clone(self, new_name: str) -> Environment:
        """Copy it under another name."""
        if not new_name:
            raise UserErrorException("Name is required to instantiate an Environment object")
        copied = copy.deepcopy(self)
        copied.name, copied.version = new_name, None
        return copied

    def save_to_directory(
        self,
        path: str,
        overwrite: bool = False,
    ) -> None:
        """Write it as files, in v1's layout."""
        folder = Path(path)
        if folder.exists() and not overwrite:
            raise FileExistsError(f"The folder '{path}' exists; overwrite=True writes into it.")
        write_environment_directory(self._to_document(), folder, overwrite=True)

    @staticmethod
    @as_v1
    def load_from_directory(path: str) -> Environment:
        """Read it from files in v1's layout."""
        if not (Path(path) / _DEFINITION).is_file():
            raise FileNotFoundError(f"{Path(path) / _DEFINITION}")
        return Environment._from_document(read_environment_directory(Path(path)))

    def _to_document(self) -> dict[str, Any]:
        """Return it under v1's keys."""
        python, docker, registry = self.python, self.docker, self.docker.base_image_registry
        conda = python.conda_dependencies
        return {
            "name": self.name,
            "version": self.version,
            "environmentVariables": dict(self.environment_variables or {}),
            "python": {
                "userManagedDependencies": python.user_managed_dependencies,
                "interpreterPath": python.interpreter_path,
                "condaDependenciesFile": python.conda_dependencies_file,
                "baseCondaEnvironment": python.base_conda_environment,
                "condaDependencies": copy.deepcopy(conda.as_dict()) if conda else None,
            },
            "docker": {
                "enabled": docker.enabled,
                "baseImage": docker.base_image,
                "baseDockerfile": docker.base_dockerfile,
                "buildContext": None,
                "sharedVolumes": docker.shared_volumes,
                "shmSize": docker.shm_size,
                "arguments": list(docker.arguments),
                "baseImageRegistry": {
                    "address": registry.address,
                    "username": registry.username,
                    "password": registry.password,
                    "registryIdentity": registry.registry_identity,
                },
                "platform": {"os": "Linux", "architecture": "amd64"},
            },
            "spark": {"repositories": [], "packages": [], "precachePackages": True},
            "databricks": {
                "mavenLibraries": [],
                "pypiLibraries": [],
                "rcranLibraries": [],
                "jarLibraries": [],
                "eggLibraries": [],
            },
            "r": None,
            "inferencingStackVersion": self.inferencing_stack_version,
            "assetId": None,
        }

    @classmethod
    def _from_document(cls, document: dict[str, Any]) -> Environment:
        """Make one of v1's keys; what is left out has v1's default."""
        made = cls(document["name"])
        made.version = document.get("version")
        made.environment_variables = dict(document.get("environmentVariables") or {})
        python, docker = document.get("python") or {}, document.get("docker") or {}
        conda = python.get("condaDependencies")
        made.python.conda_dependencies = CondaDependencies(None, conda) if conda else None
        made.python.user_managed_dependencies = bool(python.get("userManagedDependencies"))
        made.python.interpreter_path = python.get("interpreterPath") or "python"
        made.python.conda_dependencies_file = python.get("condaDependenciesFile")
        made.python.base_conda_environment = python.get("baseCondaEnvironment")
        made.docker.enabled = bool(docker.get("enabled"))
        if docker.get("baseDockerfile"):
            made.docker.base_dockerfile = docker["baseDockerfile"]
        elif docker.get("baseImage"):
            made.docker.base_image = docker["baseImage"]
        made.docker.arguments = list(docker.get("arguments") or ())
        made.docker.shared_volumes = docker.get("sharedVolumes") is not False
        made.docker.shm_size = docker.get("shmSize", made.docker.shm_size)
        registry = docker.get("baseImageRegistry") or {}
        for key in ("address", "username", "password"):
            setattr(made.docker.base_image_registry, key, registry.get(key))
        made.inferencing_stack_version = document.get("inferencingStackVersion")
        return made


@differs("Made by Environment.build alone, which builds nothing")
class ImageBuildDetails:
    """What ``Environment.build`` returns: it is done at once."""

    log_url: str | None = None

    environment_client: object

    def __init__(self, environment_client: object, location: object) -> None:
        self.environment_client = environment_client

    @property
    def status(self) -> str:
        """``Succeeded``."""
        return "Succeeded"

    def get_log(self) -> str | None:
        """Return None: there is no log of a cloud's build."""
        return None

    def wait_for_completion(self, show_output: bool = True) -> Self:
        """Say when images are made."""
        if show_output:
            print(_IMAGES)
        return self


def _checked(name: Any) -> Any:
    if name is not None and not isinstance(name, str):
        raise TypeError(f"Environment name expected str, {type(name)} found")
    return name


def _with_packages(name: str, conda: str | None, pip: str | None) -> Environment:
    if conda and pip:
        raise UserErrorException("A Conda file and a requirements file exclude each other.")
    if conda:
        return Environment.from_conda_specification(name, conda)
    if pip:
        return Environment.from_pip_requirements(name, pip)
    made = Environment(name)
    made.python.user_managed_dependencies = True
    return made


DockerBuildContext = refused_class("DockerBuildContext", "Give a Dockerfile: base_dockerfile.")
DockerEnvironment = refused_class("DockerEnvironment", "Use DockerSection.")
DockerImageDetails = refused_class("DockerImageDetails", _IMAGES)
DockerImagePlatform = refused_class("DockerImagePlatform", "The cluster's nodes decide it.")
EnvironmentReference = refused_class("EnvironmentReference", "Use Environment.get.")
PythonEnvironment = refused_class("PythonEnvironment", "Use PythonSection.")
RCranPackage = refused_class("RCranPackage", _R)
RGitHubPackage = refused_class("RGitHubPackage", _R)
RSection = refused_class("RSection", _R)
SparkEnvironment = refused_class("SparkEnvironment", _R)
SparkPackage = refused_class("SparkPackage", _R)
SparkSection = refused_class("SparkSection", _R)
