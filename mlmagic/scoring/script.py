"""The user's entry script: found and imported."""

from __future__ import annotations

import importlib.util
import sys
from typing import TYPE_CHECKING

from mlmagic.scoring.entry import EntryScript, Ways, entry_script
from mlmagic.scoring.failure import StartFailure, describe
from mlmagic.scoring.standins.finder import provide

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType


def load_script(path: Path, search_path: list[Path], ways: Ways) -> EntryScript:
    """Import a script and check its contract.

    Args:
        path: The script.
        search_path: Folders that come before everything else on ``sys.path``.
        ways: How the service calls run().

    Raises:
        StartFailure: With the reason.
    """
    if not path.is_file():
        raise StartFailure("ScriptNotFound", f"The entry script '{path}' does not exist.")
    _put_first(search_path)
    _make_way(search_path)
    provide()
    return entry_script(_import(path), path, ways)


def _put_first(folders: list[Path]) -> None:
    """Put the user's folders first, so that nothing of ours shadows a module of theirs."""
    names = list(dict.fromkeys(str(folder) for folder in folders))
    sys.path[:] = names + [entry for entry in sys.path if entry not in names]


def _make_way(folders: list[Path]) -> None:
    """Let the script import its own module where the server has loaded a library of that name.

    The server goes on with what it holds. The standard library stays, as it does in a notebook.
    """
    own = {
        entry.stem
        for folder in folders
        for entry in folder.iterdir()
        if entry.suffix == ".py" or (entry / "__init__.py").is_file()
    } - {*sys.stdlib_module_names, "mlmagic"}
    for name in [*sys.modules]:
        if name.partition(".")[0] in own and name != "__main__":
            del sys.modules[name]


def _import(path: Path) -> ModuleType:
    # Under its own name, so that classes of the script can be pickled and imported again.
    name = path.stem if path.stem not in sys.modules else f"entry_script_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise StartFailure("ScriptNotFound", f"The entry script '{path}' is not a Python file.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException as error:
        raise StartFailure(_import_reason(error), describe(error), error) from error
    return module


def _import_reason(error: BaseException) -> str:
    if isinstance(error, SyntaxError):
        return "ScriptSyntaxError"
    return ended_by(error) or "ScriptImportFailed"


def ended_by(error: BaseException) -> str | None:
    """Return the reason for exceptions that mean the same wherever they come from."""
    if isinstance(error, SystemExit):
        return "ScriptExited"
    return "OutOfMemory" if isinstance(error, MemoryError) else None
