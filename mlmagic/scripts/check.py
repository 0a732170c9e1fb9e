"""Static checks: what would break when a script leaves the notebook."""

from __future__ import annotations

import ast
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from mlmagic.entities import Problem
from mlmagic.scoring import __all__ as OFFERED  # noqa: N812 - names that scripts may use
from mlmagic.scripts.datafiles import check_data_files
from mlmagic.scripts.distributions import is_available, suggest_distribution
from mlmagic.scripts.entry import check_entry, check_file_name
from mlmagic.scripts.imports import PROVIDED, RUNTIME, Imports, find_imports
from mlmagic.scripts.names import check_names, module_names
from mlmagic.scripts.regions import Regions
from mlmagic.scripts.syntax import read_source

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping


def check_script(
    source: str,
    *,
    name: str = "score.py",
    namespace: Collection[str] | Mapping[str, object] = (),
    source_directory: Path | str | None = None,
    available: Collection[str] | None = None,
    roots: Iterable[Path] = (),
) -> list[Problem]:
    """Check an entry script without running it.

    Args:
        source: Its text.
        name: Its path; local modules are looked for beside it.
        namespace: Names of the notebook that it was captured from, or names with their values.
        source_directory: The folder that travels whole, if one was given.
        available: What the environment provides: names that can be imported, or distributions.
            None leaves imports unchecked.
        roots: More folders where local modules lie.

    Returns:
        The problems in order of lines, each with its line in the file.
    """
    folder = None if source_directory is None else Path(source_directory)
    problems = list(check_file_name(name))
    script = read_source(source, name)
    problems += script.problems
    if script.tree is not None and script.code is not None:
        regions = Regions(script.tree)
        places = [*([folder] if folder else []), Path(name).parent, *roots]
        imports = find_imports(script.tree, places)
        problems += check_names(script.tree, script.code, regions, namespace)
        problems += check_entry(script.tree, module_names(script.code))
        problems += check_data_files(
            script.tree,
            regions,
            source_directory=folder,
            travelling=[file.name for file in imports.local_files],
        )
        problems += _check_imports(script.tree, imports, name, available)
    return sorted(problems, key=lambda problem: problem.line or 0)


def check_contract(script: Path) -> list[Problem]:
    """Check what no entry script can do without: a file name, Python, ``init()`` and ``run()``.

    Returns:
        The problems; fewer than `check_script` finds, but each of them ends every service.
    """
    problems = list(check_file_name(script.name))
    try:
        parsed = read_source(script.read_text(encoding="utf-8-sig"), script.name)
    except UnicodeDecodeError as error:
        text = f"The file is not UTF-8 text: {error.reason} at byte {error.start}. Save it as such."
        return [*problems, Problem(code="syntax-error", message=text)]
    problems += parsed.problems
    if parsed.tree is not None and parsed.code is not None:
        problems += check_entry(parsed.tree, module_names(parsed.code))
    return problems


def _check_imports(
    tree: ast.Module, imports: Imports, name: str, available: Collection[str] | None
) -> Iterator[Problem]:
    for reason, message in imports.broken:
        text = f"The imported module {message}. Correct that file."
        yield Problem(code="syntax-error", message=text, line=reason.line)
    yield from _check_relative(tree)
    yield from _check_runtime(tree)
    stem = PurePath(name).stem
    for found in (found for found in imports.external if not found.optional):
        if found.top == stem:
            text = f"The file '{stem}.py' hides the package '{stem}' that it imports. Rename it."
            yield Problem(code="file-name", message=text, line=found.line)
        elif available is not None and not is_available(found.top, {*PROVIDED, *available}):
            where = f" (in '{found.via.name}')" if found.via else ""
            text = (
                f"The environment lacks the module '{found.top}'{where}. "
                f"Add '{suggest_distribution(found.top)}' to the environment."
            )
            yield Problem(code="missing-module", message=text, line=found.line)


def _check_relative(tree: ast.Module) -> Iterator[Problem]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            shown = "." * node.level + (node.module or "")
            text = (
                f"'from {shown} import …' works only inside a package, and an entry script is "
                "none. Import by the module's name, without the dots."
            )
            yield Problem(code="relative-import", message=text, line=node.lineno)


def _check_runtime(tree: ast.Module) -> Iterator[Problem]:
    """Yield a problem for each import of mlmagic but its scoring room, the only one to travel."""
    scoring = f"{RUNTIME}.scoring"
    for node in ast.walk(tree):
        if not isinstance(node, ast.Import | ast.ImportFrom):
            continue
        modules = [alias.name for alias in node.names]
        if isinstance(node, ast.ImportFrom):
            inside = node.module == RUNTIME and not node.level
            modules = [f"{RUNTIME}.{name}" for name in modules] if inside else [node.module or ""]
        for module in modules:
            if module.startswith(f"{RUNTIME}.") and not f"{module}.".startswith(f"{scoring}."):
                name = module.rpartition(".")[2]
                way = f"Import '{name}' from there." if name in OFFERED else "Remove the import."
                text = f"A service has only 'mlmagic.scoring', not '{module}'. {way}"
                yield Problem(code="notebook-import", message=text, line=node.lineno)
