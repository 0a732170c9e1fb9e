"""What is installed in the running interpreter, and how it came there."""

from __future__ import annotations

import functools
import importlib.metadata
import importlib.util
import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

if TYPE_CHECKING:
    from collections.abc import Iterable

# Ours and Azure ML's own: the scoring runtime stands in for them. The name mlmagic belongs to
# another project on the package index and must never reach a resolver.
_NEVER = re.compile(r"(jupyter-)?mlmagic|azureml(-.*)?")
# Who installed what was not asked from an index.
_INSTALLERS = {"conda": "conda", "debian": "system"}


def is_ours(name: str) -> bool:
    """Whether a distribution never goes into an environment."""
    return _NEVER.fullmatch(canonicalize_name(name)) is not None


@dataclass(frozen=True, kw_only=True)
class Installed:
    """One distribution of the running interpreter.

    Attributes:
        name: Normalised name.
        version: Public version, without a local part such as ``+cu121``.
        url: Where it was installed from (PEP 610), when not from an index by name.
        local: The folder or file on this machine that it was installed from.
        requires: What it needs, as requirement lines.
        origin: How it came: ``index``, ``conda``, ``system`` (Debian's packages), ``editable``,
            ``folder``, ``file``, ``address``, or a version control such as ``git``.
    """

    name: str
    version: str
    url: str | None = None
    local: Path | None = None
    requires: tuple[str, ...] = ()
    origin: str = "index"

    @property
    def requirement(self) -> str:
        """The line that asks for exactly this, where it is not local."""
        return f"{self.name} @ {self.url}" if self.url else f"{self.name}=={self.version}"


class Distributions:
    """The distributions of the running interpreter, read once.

    Attributes:
        modules: The names of distributions by the top-level name that they provide.
    """

    def __init__(self) -> None:
        self._found: dict[str, importlib.metadata.Distribution] = {}
        self._described: dict[str, Installed] = {}
        for distribution in importlib.metadata.distributions():
            name = distribution.metadata["Name"]
            if name:  # the first on the path is the one that imports see
                self._found.setdefault(canonicalize_name(name), distribution)
        self.modules = importlib.metadata.packages_distributions()

    def get(self, name: str) -> Installed | None:
        """A distribution by its name, in any spelling."""
        name = canonicalize_name(name)
        if name in self._found and name not in self._described:
            self._described[name] = _describe(self._found[name])
        return self._described.get(name)

    def providers(self, module: str) -> list[Installed]:
        """The distributions that an import comes from.

        Args:
            module: A top-level name, or a dotted one to tell apart the several distributions
                that share a namespace package.
        """
        top = module.partition(".")[0]
        names: list[str] = sorted({canonicalize_name(name) for name in self.modules.get(top, ())})
        if len(names) > 1:
            names = self._narrow(module, names) or names
        if not names:
            # Editable installs list no modules, and some conda packages list no files.
            names = self._by_origin(top) or [
                name for name in (canonicalize_name(top),) if name in self._found
            ]
        found = (self.get(name) for name in names)
        return [distribution for distribution in found if distribution is not None]

    def closure(self, roots: Iterable[tuple[Installed, Iterable[str]]]) -> dict[str, Installed]:
        """All that distributions bring in, as far as it is installed, with themselves.

        Args:
            roots: Distributions, each with the extras that are asked for.
        """
        found: dict[str, Installed] = {}
        seen: set[tuple[str, str]] = set()
        todo = [(each, extra) for each, extras in roots for extra in ("", *extras)]
        while todo:
            distribution, extra = todo.pop()
            if (distribution.name, extra) in seen or is_ours(distribution.name):
                continue
            seen.add((distribution.name, extra))
            found[distribution.name] = distribution
            for requirement in _needed(distribution.requires, extra):
                known = self.get(requirement.name)
                if known is not None:
                    todo += [(known, each) for each in ("", *requirement.extras)]
        return found

    def _narrow(self, module: str, names: list[str]) -> list[str]:
        folder = module.replace(".", "/")
        prefixes = (f"{folder}/", f"{folder}.")
        return [
            name
            for name in names
            if any(str(file).startswith(prefixes) for file in self._found[name].files or ())
        ]

    def _by_origin(self, top: str) -> list[str]:
        origin = _origin(top)
        if origin is None:
            return []
        return [
            name
            for name, distribution in self._found.items()
            if (local := _source(distribution)[1]) is not None
            and local.is_dir()
            and origin.is_relative_to(local.resolve())
        ]


def installed() -> Distributions:
    """The distributions as they are now; read again only when a folder of the path changed."""
    return _read(kernel_stamp())


def kernel_stamp() -> tuple[tuple[str, int], ...]:
    """Return what changes when something is installed or removed; cheap, for those who watch."""
    return tuple((entry, _changed(entry)) for entry in sys.path)


@functools.lru_cache(maxsize=1)
def _read(_path: tuple[tuple[str, int], ...]) -> Distributions:
    return Distributions()


def _changed(entry: str) -> int:
    try:
        return Path(entry).stat().st_mtime_ns
    except OSError:
        return 0


def is_standard(module: str) -> bool:
    """Whether an import comes with Python."""
    return module.partition(".")[0] in sys.stdlib_module_names


def _origin(top: str) -> Path | None:
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):  # a loaded module without a spec, such as __main__
        return None
    if spec is None:
        return None
    places = (
        [spec.origin]
        if spec.has_location and spec.origin
        else list(spec.submodule_search_locations or ())
    )
    return Path(places[0]).resolve() if places else None


def _describe(distribution: importlib.metadata.Distribution) -> Installed:
    url, local = _source(distribution)
    return Installed(
        name=canonicalize_name(distribution.metadata["Name"]),
        version=distribution.version.partition("+")[0],
        url=url,
        local=local,
        requires=tuple(distribution.requires or ()),
        origin=_origin_word(distribution, url, local),
    )


def _origin_word(
    distribution: importlib.metadata.Distribution, url: str | None, local: Path | None
) -> str:
    if url is not None:
        scheme, plus, _ = url.partition("+")
        return scheme if plus and "://" not in scheme else "address"
    if local is None:
        installer = (distribution.read_text("INSTALLER") or "").strip()
        return _INSTALLERS.get(installer, "index")
    text = distribution.read_text("direct_url.json")
    if not text or json.loads(text).get("dir_info", {}).get("editable"):
        return "editable"
    return "folder" if local.is_dir() else "file"


def _source(distribution: importlib.metadata.Distribution) -> tuple[str | None, Path | None]:
    text = distribution.read_text("direct_url.json")
    if not text:
        return None, _develop_folder(distribution)
    try:
        record: dict[str, Any] = json.loads(text)
        url: str = record["url"]
    except (ValueError, KeyError, TypeError):
        return None, None
    if url.startswith("file:") and "vcs_info" not in record:
        folder = Path(unquote(urlsplit(url).path))
        # Conda builds leave the folder of the build machine behind.
        conda = distribution.read_text("INSTALLER")
        return (
            (None, None)
            if (conda or "").strip() == "conda"
            else (None, folder / record.get("subdirectory", ""))
        )
    if vcs := record.get("vcs_info"):
        url = f"{vcs['vcs']}+{url}@{vcs['commit_id']}"
    if subdirectory := record.get("subdirectory"):
        url += f"#subdirectory={subdirectory}"
    return url, None


def _develop_folder(distribution: importlib.metadata.Distribution) -> Path | None:
    """The project of an old editable install, which leaves its metadata among the sources."""
    folder = Path(str(distribution.locate_file("")))
    folder = folder.parent if folder.name == "src" else folder
    projects = (folder / "pyproject.toml", folder / "setup.py")
    return folder if any(path.is_file() for path in projects) else None


def _needed(requires: Iterable[str], extra: str) -> Iterable[Requirement]:
    for line in requires:
        try:
            requirement = Requirement(line)
        except InvalidRequirement:
            continue
        if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
            yield requirement
