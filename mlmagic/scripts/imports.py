"""What a script imports: distributions that it needs, local files that must travel with it.

Nothing is imported or run; the files are read.
"""

from __future__ import annotations

import ast
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from mlmagic.scripts.regions import Regions, parse_quietly

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# Provided by the scoring runtime, in the service and in the trial.
RUNTIME = "mlmagic"
# Names of v1 too: the runtime stands in for what entry scripts use of them.
PROVIDED = frozenset({RUNTIME, "azureml", "azureml_inference_server_http"})
_SKIPPED_FOLDERS = frozenset({"__pycache__", ".ipynb_checkpoints"})


@dataclass(frozen=True, kw_only=True)
class Import:
    """One module named by an import.

    Attributes:
        module: Dotted name; its first part is what a distribution or a local file provides.
        line: Line of the *script* whose import leads to it.
        via: The local file that holds the import, where it is not the script itself.
        names: What ``from module import …`` takes; they may be modules themselves.
        optional: It may fail: it stands in ``try``/``except ImportError``, under a condition, or
            where a service never comes (``if __name__ == "__main__"``).
    """

    module: str
    line: int
    via: Path | None = None
    names: tuple[str, ...] = ()
    optional: bool = False

    @property
    def top(self) -> str:
        """The top-level name."""
        return self.module.partition(".")[0]


@dataclass(frozen=True, kw_only=True)
class LocalFile:
    """A local file that the script needs, and where it lies below its root."""

    path: Path
    name: str


@dataclass(frozen=True, kw_only=True)
class Imports:
    """What a script and the local modules it imports need.

    Attributes:
        external: Imports that neither the standard library nor a local file answers.
        local_files: Local modules; of packages everything, as they may read their data.
        broken: Local modules with a syntax error: the file, and the error in words.
        shown: Dotted names of the script's own imports, in order, for people.
    """

    external: tuple[Import, ...] = ()
    local_files: tuple[LocalFile, ...] = ()
    broken: tuple[tuple[Import, str], ...] = ()
    shown: tuple[str, ...] = ()

    @property
    def distributions(self) -> tuple[str, ...]:
        """Top-level names that a distribution must provide, sorted; the runtime is none."""
        wanted = {found.top for found in self.external if not found.optional}
        return tuple(sorted(wanted - PROVIDED))

    @property
    def optional(self) -> tuple[str, ...]:
        """Top-level names that are used where a distribution provides them, sorted."""
        wanted = {found.top for found in self.external if found.optional}
        return tuple(sorted(wanted - {*PROVIDED, *self.distributions}))

    @property
    def files(self) -> tuple[Path, ...]:
        """The local files as paths."""
        return tuple(file.path for file in self.local_files)


def imported_modules(script: Path | str, *, roots: Iterable[Path] = ()) -> Imports:
    """Find what a script imports, through the local modules it imports.

    Args:
        script: The file, whose folder is searched first, or source text.
        roots: More folders where local modules lie, such as the source directory.

    Returns:
        What it needs. A script with a syntax error needs nothing: `check_script` reports it.

    Raises:
        OSError: The file cannot be read.
    """
    folders = [Path(root) for root in roots]
    if isinstance(script, Path):
        folders.insert(0, script.parent)
        source = script.read_text(encoding="utf-8-sig")
    else:
        source = script
    try:
        tree = parse_quietly(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return Imports()
    return find_imports(tree, folders)


def find_imports(tree: ast.Module, roots: Iterable[Path]) -> Imports:
    """Do the same for a script that is parsed already; local modules lie in the roots."""
    return _Search(roots).search(tree)


class _Search:
    def __init__(self, folders: Iterable[Path]) -> None:
        self.folders = list(dict.fromkeys(folder.resolve() for folder in folders))
        self.external: dict[tuple[str, bool], Import] = {}
        self.files: dict[Path, LocalFile] = {}
        self.broken: list[tuple[Import, str]] = []
        self.seen: set[Path] = set()

    def search(self, tree: ast.Module) -> Imports:
        found = list(_imports(tree))
        for item in found:
            self._follow(item)
        return Imports(
            external=tuple(self.external.values()),
            local_files=tuple(sorted(self.files.values(), key=lambda file: file.name)),
            broken=tuple(self.broken),
            shown=tuple(dict.fromkeys(item.module for item in found)),
        )

    def _follow(self, item: Import) -> None:
        located = None if item.top == RUNTIME else self._locate(item.top)
        if located is None:
            if item.top not in sys.stdlib_module_names and item.top != "__future__":
                self.external.setdefault((item.top, item.optional), item)
            return
        root, path = located
        if path.is_dir():
            self._follow_package(item, root, path)
        else:
            self._take(path, root, item)

    def _locate(self, top: str) -> tuple[Path, Path] | None:
        """Find a top-level module in the folders, as the import system would."""
        if top in sys.builtin_module_names:
            return None
        for root in self.folders:
            if (root / top / "__init__.py").is_file():
                return root, root / top
            if (root / f"{top}.py").is_file():
                return root, root / f"{top}.py"
        if top in sys.stdlib_module_names:
            return None
        # A folder without __init__.py counts only where nothing else has the name.
        for root in self.folders:
            if any((root / top).glob("*.py")) and not _is_installed(top):
                return root, root / top
        return None

    def _follow_package(self, item: Import, root: Path, package: Path) -> None:
        """Take a package whole, and follow the imports of its modules that are reached."""
        if (package / "__init__.py").is_file():
            for path in _package_files(package):
                self._add(path, root)
        parts = item.module.split(".")
        reached = [parts[: count + 1] for count in range(len(parts))]
        reached += [[*parts, name] for name in item.names]
        for inside in reached:
            place = root.joinpath(*inside)
            for path in (place / "__init__.py", place.with_name(f"{inside[-1]}.py")):
                if path.is_file():
                    self._take(path, root, item)

    def _take(self, path: Path, root: Path, reason: Import) -> None:
        self._add(path, root)
        if path in self.seen:
            return
        self.seen.add(path)
        try:
            tree = parse_quietly(path.read_text(encoding="utf-8-sig"))
        except SyntaxError as error:
            self.broken.append((reason, f"'{path.name}' line {error.lineno}: {error.msg}"))
            return
        except (ValueError, RecursionError, MemoryError) as error:
            self.broken.append((reason, f"'{path.name}': {error}"))
            return
        inside = path.relative_to(root).with_suffix("").parts
        package = inside[:-1]
        for found in _imports(tree, package=package):
            optional = found.optional or reason.optional
            self._follow(replace(found, line=reason.line, via=path, optional=optional))

    def _add(self, path: Path, root: Path) -> None:
        self.files.setdefault(path, LocalFile(path=path, name=path.relative_to(root).as_posix()))


def _package_files(package: Path) -> Iterator[Path]:
    for path in sorted(package.rglob("*")):
        inside = path.relative_to(package).parts
        if path.is_file() and not _SKIPPED_FOLDERS.intersection(inside) and path.suffix != ".pyc":
            yield path


def _is_installed(top: str) -> bool:
    """Tell whether a distribution of the running interpreter provides a name."""
    from importlib.machinery import PathFinder

    # The current folder is left out: there lies the folder in question.
    installed = [entry for entry in sys.path if entry and Path(entry).name.endswith("-packages")]
    found = PathFinder.find_spec(top, installed)
    return found is not None and found.origin is not None


def _imports(tree: ast.Module, *, package: tuple[str, ...] = ()) -> Iterator[Import]:
    """Yield what the import statements of a module name, in order of lines."""
    regions = Regions(tree)
    nodes = (
        node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom | ast.Call)
    )
    for node in sorted(nodes, key=lambda node: (node.lineno, node.col_offset)):
        if regions.types_only(node):
            continue
        optional = regions.import_may_fail(node)
        for module, names in _named(node, package):
            yield Import(module=module, names=names, line=node.lineno, optional=optional)


def _named(
    node: ast.Import | ast.ImportFrom | ast.Call, package: tuple[str, ...]
) -> Iterator[tuple[str, tuple[str, ...]]]:
    if isinstance(node, ast.Import):
        yield from ((alias.name, ()) for alias in node.names)
    elif isinstance(node, ast.Call):
        yield from ((module, ()) for module in _called(node))
    elif base := _base(node, package):
        yield base, tuple(alias.name for alias in node.names if alias.name != "*")


def _base(node: ast.ImportFrom, package: tuple[str, ...]) -> str:
    if not node.level:
        return node.module or ""
    if node.level > len(package):
        return ""  # beyond the top; check_script reports it for the script itself
    parts = package[: len(package) - node.level + 1]
    return ".".join((*parts, *([node.module] if node.module else [])))


def _called(node: ast.Call) -> Iterator[str]:
    """Yield the module of ``import_module("…")`` and ``__import__("…")``."""
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    first = node.args[0] if len(node.args) == 1 else None
    if name in {"import_module", "__import__"} and isinstance(first, ast.Constant):
        module = first.value
        if isinstance(module, str) and module and not module.startswith("."):
            yield module
