"""``azureml.core.conda_dependencies``: a Conda file, built and read by methods."""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlmagic.azureml.coverage import differs, refuse
from mlmagic.azureml.exceptions import UserErrorException
from mlmagic.files import write_atomically

if TYPE_CHECKING:
    from collections.abc import Iterator

PYTHON_DEFAULT_VERSION = "3.8.13"
_NAME = "project_environment"
_CHANNELS = ["anaconda", "conda-forge"]
_FILE = "conda_dependencies.yml"
_CONDA_KEYS = ("name", "channels", "dependencies", "prefix", "variables")
_FRAMEWORKS = "Add the package by its name, with add_pip_package."


def _base(requirement: str) -> str:
    """Return the package of a requirement, as far as v1 looked at it."""
    return re.split(r"[\s=<>!~\[;]", requirement.strip(), maxsplit=1)[0].lower()


@refuse(
    _FRAMEWORKS,
    "add_cntk_package",
    "add_tensorflow_conda_package",
    "add_tensorflow_pip_package",
    "sdk_origin_url",
)
class CondaDependencies:
    """The packages of an environment, as a Conda file.

    Args:
        conda_dependencies_file_path: A file to begin with; None begins with v1's default.

    Example:
        >>> conda = CondaDependencies.create(conda_packages=["numpy"], python_version="3.11")
        >>> list(conda.conda_packages)
        ['python=3.11', 'numpy']
    """

    DEFAULT_NUMBER_OF_CONDA_PACKAGES = 0
    DEFAULT_NUMBER_OF_PIP_PACKAGES = 0

    def __init__(
        self,
        conda_dependencies_file_path: str | None = None,
        _underlying_structure: dict[str, Any] | None = None,
    ) -> None:
        if conda_dependencies_file_path and _underlying_structure:
            raise UserErrorException("A file and a structure exclude each other; give one of them.")
        if conda_dependencies_file_path:
            self._content = _checked(_read(Path(conda_dependencies_file_path)))
        else:
            default = {
                "name": _NAME,
                "dependencies": [
                    f"python={PYTHON_DEFAULT_VERSION}",
                    {"pip": ["azureml-defaults"]},
                ],
                "channels": list(_CHANNELS),
            }
            self._content = _checked(_underlying_structure or default)

    @staticmethod
    @differs(
        "The SDK's packages are not pinned: they are not installed into services; pip_indexurl is "
        "the index, where v1 looked for files there"
    )
    def create(
        pip_indexurl: str | None = None,
        pip_packages: list[str] | None = None,
        conda_packages: list[str] | None = None,
        python_version: str = "3.10.18",
        pin_sdk_version: bool = True,
    ) -> CondaDependencies:
        """Make one of lists of packages; ``azureml-defaults`` where pip's are left out."""
        made = CondaDependencies()
        made.set_python_version(python_version)
        if pip_packages is not None:
            made._set_pip(list(pip_packages))
        if pip_indexurl is not None:
            made.set_pip_index_url(pip_indexurl)
        for package in conda_packages or ():
            made.add_conda_package(package)
        return made

    @staticmethod
    def merge_requirements(requirements: list[str]) -> list[str]:
        """Join the specifiers of each package: ``a>1`` and ``a<2`` are ``a>1,<2``."""
        found: dict[str, list[str]] = {}
        for line in requirements:
            name = re.split(r"[=<>!~]", line, maxsplit=1)[0].strip()
            found.setdefault(name, []).append(line.strip()[len(name) :].strip())
        return [name + ",".join(filter(None, rest)) for name, rest in found.items()]

    @property
    def conda_channels(self) -> Iterator[str]:
        """The channels; they are kept, and not asked."""
        return iter(list(self._content.get("channels") or ()))

    @property
    def conda_packages(self) -> Iterator[str]:
        """The Conda part, Python included."""
        return iter([each for each in self._dependencies if isinstance(each, str)])

    @property
    def pip_packages(self) -> Iterator[str]:
        """The pip part, without its options."""
        return iter([line for line in self._pip() if not line.startswith("-")])

    @property
    def pip_options(self) -> Iterator[str]:
        """The options of the pip part, such as indexes."""
        return iter([line for line in self._pip() if line.startswith("-")])

    def get_default_number_of_packages(self) -> tuple[int, int]:
        """Return how many packages of Conda and of pip are there without being asked for."""
        return 1, 1

    def get_python_version(self) -> str | None:
        """Return the version after ``python=``."""
        found = next((each for each in self.conda_packages if _base(each) == "python"), None)
        return found.partition("=")[2].lstrip("=").strip() or None if found else None

    def set_python_version(self, version: str) -> None:
        """Ask for a version of Python."""
        kept = [each for each in self._dependencies if not _is_python(each)]
        self._content["dependencies"] = [f"python={version}", *kept]

    def add_channel(self, channel: str) -> None:
        """Add a channel."""
        channels = self._content.setdefault("channels", [])
        if channel not in channels:
            channels.append(channel)

    def remove_channel(self, channel: str) -> None:
        """Take a channel away."""
        channels = self._content.get("channels") or []
        self._content["channels"] = [each for each in channels if each != channel]

    @differs("A package of the same name is replaced, where v1 listed both")
    def add_conda_package(self, conda_package: str) -> None:
        """Add a package, in the place of one of the same name."""
        if _is_python(conda_package):
            self._content["dependencies"] = [
                each for each in self._dependencies if not _is_python(each)
            ]
        else:
            self.remove_conda_package(conda_package)
        self._dependencies.append(conda_package)

    @differs("A package is found by its name, where v1 compared the whole line")
    def remove_conda_package(self, conda_package: str) -> None:
        """Take a package away."""
        if _is_python(conda_package):
            raise UserErrorException("python must not be removed from conda dependencies")
        self._content["dependencies"] = [
            each
            for each in self._dependencies
            if not isinstance(each, str) or _base(each) != _base(conda_package)
        ]

    def add_pip_package(self, pip_package: str) -> None:
        """Add a package of the index, in the place of one of the same name.

        Raises:
            UserErrorException: It is an option of pip.
        """
        self.remove_pip_package(pip_package)
        self._set_pip([*self._pip(), pip_package])

    def remove_pip_package(self, pip_package: str) -> None:
        """Take a package of the index away.

        Raises:
            UserErrorException: It is an option of pip.
        """
        if pip_package.startswith("-"):
            raise UserErrorException(f"Invalid package name {pip_package}")
        wanted = _base(pip_package)
        self._set_pip(
            [line for line in self._pip() if line.startswith("-") or _base(line) != wanted]
        )

    def set_pip_requirements(self, pip_requirements: list[str]) -> None:
        """Replace the pip part."""
        self._set_pip(list(pip_requirements))

    def set_pip_option(self, pip_option: str) -> None:
        """Add an option of pip, in the place of the same option.

        Raises:
            UserErrorException: It is no option.
        """
        same = [_is_same_option(line, pip_option) for line in self._pip()]
        if any(same):
            told = zip(self._pip(), same, strict=True)
            self._set_pip([pip_option if taken else line for line, taken in told])
        else:
            self._set_pip([*self._pip(), pip_option])

    def remove_pip_option(self, pip_option: str) -> None:
        """Take an option of pip away.

        Raises:
            UserErrorException: It is no option.
        """
        self._set_pip([line for line in self._pip() if not _is_same_option(line, pip_option)])

    @differs("An address alone is taken too")
    def set_pip_index_url(self, index_url: str) -> None:
        """Take packages from another index."""
        self.set_pip_option(index_url if index_url.startswith("-") else f"--index-url {index_url}")

    def as_dict(self) -> Any:
        """Return it as data; what is changed there changes nothing here."""
        return copy.deepcopy(self._content)

    def serialize_to_string(self) -> str:
        """Return the Conda file."""
        import yaml

        text: str = yaml.safe_dump(self._content, sort_keys=False)
        return text

    @differs("A folder is taken, and none is the current one")
    def save(self, path: str | None = None) -> str:
        """Write the Conda file and return its path."""
        place = Path(path or Path.cwd() / _FILE)
        if place.is_dir():
            place /= _FILE
        write_atomically(place, self.serialize_to_string())
        return str(place)

    def save_to_file(self, base_directory: str, conda_file_path: str | None = None) -> str:
        """Write the Conda file below a folder and return its path there."""
        old = (Path(base_directory) / "aml_config").is_dir()
        name = conda_file_path or f"{'aml_config' if old else '.azureml'}/{_FILE}"
        write_atomically(Path(base_directory) / name, self.serialize_to_string())
        return name

    @property
    def _dependencies(self) -> list[Any]:
        found: list[Any] = self._content.setdefault("dependencies", [])
        return found

    def _pip(self) -> list[str]:
        parts = [each["pip"] or [] for each in self._dependencies if _is_pip(each)]
        return [f"{line}" for part in parts for line in part]

    def _set_pip(self, lines: list[str]) -> None:
        place = next((n for n, each in enumerate(self._dependencies) if _is_pip(each)), None)
        if place is None:
            self._dependencies.append({"pip": lines})
        else:
            self._dependencies[place] = {"pip": lines}


def _is_same_option(line: str, option: str) -> bool:
    if not option.startswith("-"):
        raise UserErrorException(f"Invalid pip option {option}")
    return line.split(maxsplit=1)[:1] == option.split(maxsplit=1)[:1]


def _is_pip(dependency: object) -> bool:
    return isinstance(dependency, dict) and "pip" in dependency


def _is_python(dependency: object) -> bool:
    return isinstance(dependency, str) and _base(dependency) == "python"


def _read(path: Path) -> dict[str, Any]:
    import yaml

    try:
        content = yaml.safe_load(path.read_text("utf-8-sig"))
    except FileNotFoundError:
        raise  # as v1 did
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise UserErrorException(f"The Conda file '{path}' cannot be read: {error}.") from error
    if not isinstance(content, dict):
        raise UserErrorException("Environment error: not a valid YAML structure")
    return content


def _checked(content: dict[str, Any]) -> dict[str, Any]:
    for key in content:
        if key not in _CONDA_KEYS:
            raise UserErrorException(
                f"Environment error: unknown {key} key in environment specification"
            )
    return content
