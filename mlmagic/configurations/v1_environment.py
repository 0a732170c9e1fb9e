"""Azure ML v1's environment object: read from its files, and taken apart for our targets."""

from __future__ import annotations

import json
import os
import re
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mlmagic.configurations.parsing import with_slashes
from mlmagic.configurations.reading import read_document
from mlmagic.errors import ConfigurationError, did_you_mean
from mlmagic.files import write_atomically

if TYPE_CHECKING:
    from pathlib import Path

FILE = "azureml_environment.json"
CONDA_FILE = "conda_dependencies.yml"
DOCKERFILE = "BaseDockerfile"
_OF_PROJECTS = (".azureml", "aml_config")
_OLDEST = (3, 11)
_PIN = re.compile(r"(?!azureml)[\w.-]+(\[[\w,.-]+\])?\s*={1,2}\s*[\w.*]+")
_PYTHON = re.compile(r"python\s*[=<>~!]+\s*(\d+)\.(\d+).*")
# v1's own images hold a Python that services do not use; v1 took one where none was chosen.
_AZURE_IMAGE = "mcr.microsoft.com/azureml/"
_EXAMPLE = {"EXAMPLE_ENV_VAR": "EXAMPLE_VALUE"}
# The keys that are followed, those that are not (with the reason), and those that are refused.
USED_KEYS = (
    "name", "version", "environmentVariables", "python.userManagedDependencies",
    "python.condaDependencies", "python.condaDependenciesFile", "docker.enabled",
    "docker.baseImage", "docker.baseDockerfile",
)  # fmt: skip
_OF_CONTAINERS = "the deployment configuration says it: 'volumes', 'networks', 'gpus'"
UNUSED_KEYS = {
    "inferencingStackVersion": "the scoring server of this version is always added",
    "assetId": "only the cloud has it",
    "python.interpreterPath": "services have a Python of their own",
    "python.baseCondaEnvironment": "services have an environment of their own",
    "docker.sharedVolumes": _OF_CONTAINERS,
    "docker.shmSize": _OF_CONTAINERS,
    "docker.arguments": _OF_CONTAINERS,
    "docker.platform": "images are made for the processor of their base",
    "docker.baseImageRegistry": "write the registry into the image's name, and sign in with "
    "'docker login'",
    "spark": "services do not run on Spark",
    "r": "services run Python",
    "databricks": "services do not run on Databricks",
}
REFUSED_KEYS = {"docker.buildContext": "build the image yourself, and name it: 'baseImage'"}
# What v1 writes where nobody asked for it.
_DEFAULTS = {
    "python.interpreterPath": "python",
    "docker.sharedVolumes": True,
    "docker.shmSize": "2g",
    "docker.platform": {"os": "Linux", "architecture": "amd64"},
}


@dataclass(frozen=True, kw_only=True)
class EnvironmentParts:
    """What an environment object says, for us.

    Attributes:
        environment: The name of an environment that the workspace has.
        definition: Conda's keys; empty where it names an environment, or leaves Python as it is.
        variables: Environment variables of the service.
        image: ``base_image`` or ``base_dockerfile``, for containers.
        notes: What is not done as it says, in sentences.
    """

    environment: str | None = None
    definition: dict[str, Any] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    image: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def take_apart(document: dict[str, Any], *, where: str) -> EnvironmentParts:
    """Take an environment object apart.

    Args:
        document: The object, in v1's spelling or snake_case.
        where: What messages call it.

    Raises:
        ConfigurationError: It says nothing, or two things that exclude each other, or a value is
            of the wrong type.
    """
    content = {_camel(f"{key}"): value for key, value in document.items()}
    python = {_camel(f"{key}"): value for key, value in _object(content, "python", where).items()}
    docker = {_camel(f"{key}"): value for key, value in _object(content, "docker", where).items()}
    given = _object(content, "environmentVariables", where)
    for key in ("baseImageRegistry", "platform"):
        _object(docker, key, where, section="docker.")
    name, conda = content.get("name"), python.get("condaDependencies")
    notes = _checked(content, python, docker, where)
    image = _image(docker, where, notes)
    variables = {f"{key}": f"{value}" for key, value in given.items() if _EXAMPLE.get(key) != value}
    if python.get("userManagedDependencies"):
        notes.append(
            "'userManagedDependencies' is true: what the script imports is taken from this Python"
        )
        return EnvironmentParts(variables=variables, image=image, notes=tuple(notes))
    if conda is None and (file := python.get("condaDependenciesFile")):
        return EnvironmentParts(
            environment=with_slashes(f"{file}"),
            variables=variables,
            image=image,
            notes=tuple(notes),
        )
    if conda is None:
        if not name:
            raise ConfigurationError(
                f"The environment in {where} has neither a name nor 'python.condaDependencies'.",
                hint="Name an environment, or a file that defines one.",
            )
        return EnvironmentParts(
            environment=f"{name}", variables=variables, image=image, notes=tuple(notes)
        )
    conda = _object(python, "condaDependencies", where, section="python.")
    definition = fitting_python({**conda, "name": name} if name else conda, notes)
    return EnvironmentParts(
        definition=definition, variables=variables, image=image, notes=tuple(notes)
    )


def environment_of_run_configuration(file: Path) -> dict[str, Any]:
    """Return the environment object of a run configuration (``NAME.runconfig``).

    What it names begins in its own folder; where that is ``.azureml``, in the project's, as in v1.

    Raises:
        ConfigurationError: A file cannot be read, or has none.
    """
    content = _read(file)
    folder = file.parent.parent if file.parent.name in _OF_PROJECTS else file.parent
    environment = content.get("environment") if isinstance(content, dict) else None
    if isinstance(environment, str):
        environment = _read(folder / with_slashes(environment, folder))
    if not isinstance(environment, dict):
        raise ConfigurationError(f"The run configuration '{file}' has no key 'environment'.")
    python = dict(_object(environment, "python", f"'{file}'"))
    for key in ("condaDependenciesFile", "conda_dependencies_file"):
        if isinstance(named := python.get(key), str):
            python[key] = str(folder / with_slashes(named, folder))
    return {"name": file.stem, **environment, "python": python}


def read_environment_directory(folder: Path) -> dict[str, Any]:
    """Read the files that v1's ``Environment.save_to_directory`` and ``scaffold`` write.

    Raises:
        ConfigurationError: A file is missing or cannot be read.
    """
    document = _load(folder / FILE)
    python = document["python"] = _object(document, "python", f"'{folder / FILE}'")
    conda = folder / CONDA_FILE
    if conda.is_file() and not python.get("condaDependencies"):
        python["condaDependencies"] = _read(conda)
    dockerfile = folder / DOCKERFILE
    if dockerfile.is_file():
        docker = document["docker"] = _object(document, "docker", f"'{folder / FILE}'")
        docker["baseDockerfile"], docker["baseImage"] = dockerfile.read_text("utf-8-sig"), None
    return document


def write_environment_directory(document: dict[str, Any], folder: Path, *, overwrite: bool) -> Path:
    """Write an environment object as files, and return the folder.

    Raises:
        ConfigurationError: There is one already, and ``overwrite`` is False.
    """
    import yaml

    if (folder / FILE).exists() and not overwrite:
        raise ConfigurationError(
            f"There is an environment in '{folder}' already.",
            hint="Name another folder, or allow it to be overwritten.",
        )
    written = json.loads(json.dumps(document))
    conda = written.get("python", {}).pop("condaDependencies", None)
    dockerfile = (written.get("docker") or {}).get("baseDockerfile")
    write_atomically(folder / FILE, json.dumps(written, indent=4) + "\n")
    if conda is not None:
        write_atomically(folder / CONDA_FILE, yaml.safe_dump(conda, sort_keys=False))
    if dockerfile is not None:
        write_atomically(folder / DOCKERFILE, dockerfile)
    return folder


def _load(path: Path) -> dict[str, Any]:
    document = _read(path, is_json=True, hint="Name the folder that 'environment scaffold' wrote.")
    if not isinstance(document, dict) or not document.get("name"):
        raise ConfigurationError(f"The environment file '{path}' has no 'name'.")
    return document


def _read(file: Path, *, is_json: bool = False, hint: str | None = None) -> Any:
    try:
        text = file.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigurationError(
            f"The environment file '{file}' cannot be read: {reason}.", hint=hint
        ) from error
    return read_document(text, what=f"The environment file '{file}'", is_json=is_json)


def _camel(key: str) -> str:
    head, *rest = key.split("_")
    return head + "".join(word.capitalize() for word in rest)


def _checked(
    content: dict[str, Any], python: dict[str, Any], docker: dict[str, Any], where: str
) -> list[str]:
    """Say which keys are not used or not known, and refuse those without which all is another."""
    given = {key: value for key, value in content.items() if key not in ("python", "docker")}
    given |= {f"python.{key}": value for key, value in python.items()}
    given |= {f"docker.{key}": value for key, value in docker.items()}
    given["spark"] = {**_object(given, "spark", where), "precachePackages": None}
    notes = []
    for key, value in given.items():
        if key in USED_KEYS or value == _DEFAULTS.get(key) or not _says(value):
            continue
        if key in REFUSED_KEYS:
            raise ConfigurationError(
                f"The key '{key}' of the environment in {where} is not taken.",
                hint=f"Instead, {REFUSED_KEYS[key]}.",
            )
        if key in UNUSED_KEYS:
            notes.append(f"'{key}' is not used: {UNUSED_KEYS[key]}")
        else:
            near = did_you_mean(key, [*USED_KEYS, *UNUSED_KEYS])
            notes.append(f"'{key}' is no key of an environment. {near}".rstrip(". "))
    return notes


def _object(content: dict[str, Any], key: str, where: str, *, section: str = "") -> dict[str, Any]:
    """Return the object under a key, an empty one where there is none."""
    value = content.get(key)
    if value is not None and not isinstance(value, dict):
        raise ConfigurationError(
            f"'{section}{key}' of the environment in {where} is '{value}', but must be an object.",
            hint='Write keys with values in braces: {"key": "value"}.',
        )
    return value or {}


def _says(value: Any) -> bool:
    return any(value.values()) if isinstance(value, dict) else bool(value)


def _image(docker: dict[str, Any], where: str, notes: list[str]) -> dict[str, str]:
    image, dockerfile = docker.get("baseImage"), docker.get("baseDockerfile")
    if image and dockerfile:
        raise ConfigurationError(
            f"'baseImage' and 'baseDockerfile' of the environment in {where} exclude each other.",
            hint="Remove one.",
        )
    if dockerfile:
        if not isinstance(dockerfile, str):
            raise ConfigurationError(
                f"'docker.baseDockerfile' of the environment in {where} is '{dockerfile}', but "
                "must be text.",
                hint="Give the lines of a Dockerfile, or its path.",
            )
        return {"base_dockerfile": _dockerfile(dockerfile)}
    if image and f"{image}".startswith(_AZURE_IMAGE):
        if docker.get("enabled"):
            notes.append(
                f"the image '{image}' is not used: a plain one with Python takes its place"
            )
        return {}
    return {"base_image": f"{image}"} if image else {}


def _dockerfile(text: str) -> str:
    """Return the path of a file, as Windows writes it too; lines stay as they are."""
    path = with_slashes(text)
    return path if os.path.isfile(path) else text  # noqa: PTH113 - a line may be too long for one


def fitting_python(definition: dict[str, Any], notes: list[str]) -> dict[str, Any]:
    """Leave out a Python older than services can be: v1's default was, unless it was chosen.

    Raises:
        ConfigurationError: ``dependencies`` is no list.
    """
    kept = []
    lines = definition.get("dependencies") or []
    if not isinstance(lines, list):
        raise ConfigurationError(
            f"'dependencies' of the environment '{definition.get('name') or 'without a name'}' is "
            f"'{lines}', but must be a list.",
            hint='Write ["pip", {"pip": ["numpy"]}].',
        )
    for line in lines:
        match = _PYTHON.fullmatch(line.strip()) if isinstance(line, str) else None
        if match and (int(match[1]), int(match[2])) < _OLDEST:
            here = f"{sys.version_info.major}.{sys.version_info.minor}"
            note = f"'{line.strip()}' is older than services can be: Python {here} is taken"
            if pins := _pins(lines):
                note += f"; raise the pins of its time that have nothing for it: {', '.join(pins)}"
            notes.append(note)
        else:
            kept.append(line)
    return {**definition, "dependencies": kept}


def _pins(lines: list[Any]) -> list[str]:
    """Return the packages with one version, of Conda's lines and pip's, without the SDK's."""
    pip = [each for line in lines if isinstance(line, dict) for each in line.get("pip") or ()]
    found = [f"{line}".strip() for line in (*lines, *pip) if isinstance(line, str)]
    return [line for line in found if _PIN.fullmatch(line) and not _PYTHON.fullmatch(line)]
