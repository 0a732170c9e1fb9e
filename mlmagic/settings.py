"""Settings: arguments > ``MLMAGIC_*`` > ``mlmagic.toml`` > defaults, each with its origin.

Nothing is read at import; every look reads anew, so a changed environment counts at once.

Example:
    >>> settings = Settings(None, {"default_target": "docker"})
    >>> settings.default_target, settings.origin("default_target")
    ('docker', 'argument')
"""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from mlmagic.errors import ConfigurationError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

FILE_NAME = "mlmagic.toml"
FORMATS = ("json", "jsonc", "yaml", "yamlc", "table", "tsv", "none")
_TRUTH = {"1": True, "true": True, "yes": True, "on": True} | {
    "0": False,
    "false": False,
    "no": False,
    "off": False,
}

T = TypeVar("T")


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("a text")  # noqa: TRY004 - readers speak by ValueError alone
    return value


def _path(value: Any) -> Path:
    return Path(_text(os.fspath(value) if isinstance(value, Path) else value)).expanduser()


def _format(value: Any) -> str:
    if value not in FORMATS:
        raise ValueError(f"one of {', '.join(FORMATS)}")
    return _text(value)


def _truth(value: Any) -> bool:
    truth = _TRUTH.get(f"{value}".lower())
    if truth is None:
        raise ValueError("true or false")
    return truth


def _seconds(value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = 0
    if isinstance(value, bool) or number <= 0:
        raise ValueError("a number of seconds above zero")
    return number


def _bytes(value: Any) -> int:
    units = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
    units |= {f"{unit}i": 1024**power for power, unit in enumerate("KMGT", start=1)}
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([KMGT]i?|)", str(value))
    if found is None:
        raise ValueError("a quantity of bytes, such as '20G' or '512Mi'")
    return int(float(found[1]) * units[found[2]])


def _user_cache() -> Path:
    import platformdirs

    return Path(platformdirs.user_cache_dir("mlmagic"))


class Setting(Generic[T]):
    """One setting; as an attribute of :class:`Settings` it gives the value."""

    def __init__(
        self,
        help: str,  # noqa: A002 - the word of the option tables
        *,
        read: Callable[[Any], T],
        default: T | Callable[[], T],
        variable: str | None = None,
    ) -> None:
        self.help = help
        self.read = read
        self.default = default
        self.variable = variable or ""
        self.name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name
        self.variable = self.variable or f"MLMAGIC_{name.upper()}"

    @overload
    def __get__(self, settings: None, owner: type) -> Setting[T]: ...
    @overload
    def __get__(self, settings: Settings, owner: type) -> T: ...
    def __get__(self, settings: Settings | None, owner: type) -> Setting[T] | T:
        if settings is None:
            return self
        value: T = settings.look_up(self)[0]
        return value


class Settings:
    """The settings of a workspace.

    Args:
        root: Folder that may hold ``mlmagic.toml``; None reads no file.
        arguments: Values that win over all others.

    Raises:
        ConfigurationError: An argument is unknown. Wrong values are told when they are read.
    """

    aci_target = Setting[str](
        "the target that stands for Azure ML v1's compute type 'aci'", read=_text, default="docker"
    )
    aks_target = Setting[str](
        "the target that stands for Azure ML v1's compute type 'aks'",
        read=_text,
        default="kubernetes",
    )
    base_image = Setting[str | None](
        "what images of services are built on; '{version}' in it stands for Python's version",
        read=_text,
        default=None,
    )
    cache_directory = Setting[Path](
        "folder for realised environments, shared by the workspaces of a user",
        read=_path,
        default=_user_cache,
        variable="MLMAGIC_CACHE_DIR",
    )
    database_url = Setting[str | None](
        "the registry's database, as SQLAlchemy writes it; SQLite in the workspace without it",
        read=_text,
        default=None,
    )
    default_target = Setting[str](
        "where %deploy puts a service unless told", read=_text, default="local"
    )
    deploy_timeout_seconds = Setting[float](
        "how long to wait for a service to become Healthy", read=_seconds, default=1200.0
    )
    headless = Setting[bool](
        "whether nobody watches: wait for deployments, show static output (default: under CI)",
        read=_truth,
        default=lambda: bool(os.environ.get("CI")),
    )
    image_registry = Setting[str | None](
        "where images for clusters are pushed, HOST/PATH", read=_text, default=None
    )
    output = Setting[str](
        "the format of what the command 'mlmagic' writes, without -o: 'json' is what 'az' wrote",
        read=_format,
        default="table",
    )
    require_signature = Setting[bool](
        "whether only models that are signed by a key of 'signing_keys' are deployed",
        read=_truth,
        default=False,
    )
    script_trial_timeout_seconds = Setting[float](
        "how long the trial of an entry script may take", read=_seconds, default=120.0
    )
    signing_keys = Setting[Path | None](
        "folder of public keys (*.pem) that signatures of models are checked with",
        read=_path,
        default=None,
    )
    start_timeout_seconds = Setting[float](
        "how long init() of a service may take", read=_seconds, default=600.0
    )
    store_cache_bytes = Setting[int | None](
        "how much of the shared store to keep in the workspace, such as '20G'; all without it",
        read=_bytes,
        default=None,
    )
    store_url = Setting[str | None](
        "a store of models' files that a team shares, such as 's3://models/ml'",
        read=_text,
        default=None,
    )
    target = Setting[str | None](
        "where %deploy puts every service, whatever the line or its configuration names",
        read=_text,
        default=None,
    )

    def __init__(
        self, root: Path | None = None, arguments: Mapping[str, object] | None = None
    ) -> None:
        self._file = root / FILE_NAME if root is not None else None
        self._arguments = dict(arguments or {})
        _check_names(self._arguments, "argument")

    @classmethod
    def read(cls, root: Path | None, arguments: Mapping[str, object] | None = None) -> Settings:
        """Make the settings of a workspace and check all values at once.

        Raises:
            ConfigurationError: A name is unknown or a value wrong.
        """
        settings = cls(root, arguments)
        settings.rows()
        return settings

    @classmethod
    def table(cls) -> dict[str, Setting[Any]]:
        """Every setting by name."""
        return {name: row for name, row in vars(cls).items() if isinstance(row, Setting)}

    def origin(self, name: str) -> str:
        """Where a value comes from: ``argument``, a variable, the file, or ``default``."""
        return self.look_up(self.table()[name])[1]

    def rows(self) -> list[dict[str, Any]]:
        """Every setting as it is now: name, value, origin, what it is for."""
        found = {name: self.look_up(row) for name, row in self.table().items()}
        return [
            {"name": name, "value": value, "origin": origin, "help": self.table()[name].help}
            for name, (value, origin) in found.items()
        ]

    @classmethod
    def as_variables(cls, values: Mapping[str, str]) -> dict[str, str]:
        """Return the environment variables that give these values to another process.

        Raises:
            ConfigurationError: A name is unknown, or a value breaks its rule.
        """
        _check_names(values, "--set")
        for name, value in values.items():
            _read(cls.table()[name], value, "--set")
        return {cls.table()[name].variable: value for name, value in values.items()}

    def look_up(self, setting: Setting[Any]) -> tuple[Any, str]:
        """Return a setting's value and origin.

        Raises:
            ConfigurationError: The value breaks its rule, or the file cannot be read.
        """
        for source, origin in self._sources(setting):
            if setting.name in source:
                return _read(setting, source[setting.name], origin), origin
        return setting.default() if callable(setting.default) else setting.default, "default"

    def _sources(self, setting: Setting[Any]) -> list[tuple[Mapping[str, Any], str]]:
        written = os.environ.get(setting.variable, "")
        environment = {setting.name: written} if written else {}
        return [
            ({k: v for k, v in self._arguments.items() if v is not None}, "argument"),
            (environment, setting.variable),
            (self._read_file(), FILE_NAME),
        ]

    def _read_file(self) -> dict[str, Any]:
        if self._file is None:
            return {}
        try:
            content = tomllib.loads(self._file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise ConfigurationError(f"The file '{self._file}' cannot be read: {error}.") from error
        _check_names(content, f"key of '{self._file}'")
        return content


def _check_names(found: Mapping[str, object], what: str) -> None:
    for name in found:
        if name not in Settings.table():
            raise ConfigurationError(
                f"There is no setting '{name}' ({what}).",
                hint=did_you_mean(name, Settings.table()),
            )


def _read(setting: Setting[Any], value: Any, origin: str) -> Any:
    try:
        return setting.read(value)
    except ValueError as error:
        raise ConfigurationError(
            f"The setting '{setting.name}' is '{value}' ({origin}), but must be {error}."
        ) from None
