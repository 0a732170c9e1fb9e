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
    from collections.abc import Callable, Iterator, Mapping

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
        ConfigurationError: An argument is unknown or wrong; other faults are told when read.
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
        self._arguments = {k: v for k, v in (arguments or {}).items() if v is not None}
        for name, value in self._arguments.items():
            _read(_named(name, "argument"), value, "argument")

    def check(self) -> None:
        """Check all values and names at once.

        Raises:
            ConfigurationError: A name is unknown or a value wrong.
        """
        for *_, error in self._examined():
            if error:
                raise error

    @classmethod
    def table(cls) -> dict[str, Setting[Any]]:
        """Every setting by name."""
        return {name: row for name, row in vars(cls).items() if isinstance(row, Setting)}

    def origin(self, name: str) -> str:
        """Where a value comes from: ``argument``, a variable, the file, or ``default``."""
        return self.look_up(self.table()[name])[1]

    def rows(self) -> list[dict[str, Any]]:
        """Every setting as it is now: name, value, origin, what it is for, what is wrong with it.

        Keys of the file that are no settings, and a file that cannot be read, have rows too.
        """
        table = self.table()
        return [
            {
                "name": name,
                "value": value,
                "origin": origin,
                "help": table[name].help if name in table else "",
                "problem": str(error or ""),
            }
            for name, value, origin, error in self._examined()
        ]

    def problems(self) -> list[str]:
        """Everything that is wrong, in words."""
        return [row["problem"] for row in self.rows() if row["problem"]]

    @classmethod
    def as_variables(cls, values: Mapping[str, str]) -> dict[str, str]:
        """Return the environment variables that give these values to another process.

        Raises:
            ConfigurationError: A name is unknown, or a value breaks its rule.
        """
        for name, value in values.items():
            _read(_named(name, "--set"), value, "--set")
        return {cls.table()[name].variable: value for name, value in values.items()}

    def look_up(self, setting: Setting[Any], *, strict: bool = True) -> tuple[Any, str]:
        """Return a setting's value and origin.

        Args:
            setting: Which.
            strict: Whether what is wrong is an error; else the default stands for it.

        Raises:
            ConfigurationError: The value breaks its rule, or the file cannot be read.
        """
        content, faults = self._read_file()
        for fault in faults.values() if strict else ():
            raise fault
        try:
            return self._value(setting, content)
        except ConfigurationError:
            if strict:
                raise
            return _default(setting), "default"

    def _examined(self) -> Iterator[tuple[str, Any, str, ConfigurationError | None]]:
        """Tell name, value, origin and fault of every setting, and of what is none in the file."""
        content, faults = self._read_file()
        for name, setting in self.table().items():
            try:
                yield name, *self._value(setting, content), None
            except ConfigurationError as error:
                yield name, *self._written(setting, content), error
        for name, fault in faults.items():
            yield name, content.get(name), FILE_NAME, fault

    def _value(self, setting: Setting[Any], content: Mapping[str, Any]) -> tuple[Any, str]:
        written, origin = self._written(setting, content)
        if origin == "default":
            return _default(setting), origin
        return _read(setting, written, origin), origin

    def _written(self, setting: Setting[Any], content: Mapping[str, Any]) -> tuple[Any, str]:
        """Return a value as it is written where it counts, and where that is."""
        if setting.name in self._arguments:
            return self._arguments[setting.name], "argument"
        if written := os.environ.get(setting.variable, ""):
            return written, setting.variable
        if setting.name in content:
            return content[setting.name], FILE_NAME
        return None, "default"

    def _read_file(self) -> tuple[dict[str, Any], dict[str, ConfigurationError]]:
        """Return what the file says, and its faults by key; by its name where it is unreadable."""
        if self._file is None:
            return {}, {}
        try:
            content = tomllib.loads(self._file.read_text(encoding="utf-8-sig"))
        except FileNotFoundError:
            return {}, {}
        except (OSError, ValueError) as error:
            fault = ConfigurationError(f"The file '{self._file}' cannot be read: {error}.")
            return {}, {FILE_NAME: fault}
        unknown = [name for name in content if name not in self.table()]
        return content, {name: _no_setting(name, f"key of '{self._file}'") for name in unknown}


def _named(name: str, what: str) -> Setting[Any]:
    if name not in Settings.table():
        raise _no_setting(name, what)
    return Settings.table()[name]


def _no_setting(name: str, what: str) -> ConfigurationError:
    return ConfigurationError(
        f"There is no setting '{name}' ({what}).", hint=did_you_mean(name, Settings.table())
    )


def _default(setting: Setting[Any]) -> Any:
    return setting.default() if callable(setting.default) else setting.default


def _read(setting: Setting[Any], value: Any, origin: str) -> Any:
    try:
        return setting.read(value)
    except ValueError as error:
        raise ConfigurationError(
            f"The setting '{setting.name}' is '{value}' ({origin}), but must be {error}."
        ) from None
