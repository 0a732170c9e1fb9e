"""The user's entry script: found, imported, checked against the contract of init() and run()."""

from __future__ import annotations

import importlib.util
import inspect
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlmagic.scoring.failure import StartFailure, describe

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import ModuleType

HEADERS_PARAMETER = "request_headers"
_UNNAMED = {
    inspect.Parameter.POSITIONAL_ONLY: "positional-only parameter",
    inspect.Parameter.VAR_POSITIONAL: "parameter *",
    inspect.Parameter.VAR_KEYWORD: "parameter **",
}


@dataclass(frozen=True)
class EntryScript:
    """The two functions of a script.

    Attributes:
        data_parameter: Name of the parameter of run() that gets the data.
        wants_headers: Whether run() also takes ``request_headers``.
    """

    init: Callable[[], object]
    run: Callable[..., Any]
    data_parameter: str
    wants_headers: bool

    def score(self, data: str, headers: Callable[[], dict[str, str]]) -> Any:
        """Call run() with the data, and the headers where it asks for them."""
        arguments: dict[str, Any] = {self.data_parameter: data}
        if self.wants_headers:
            arguments[HEADERS_PARAMETER] = headers()
        return self.run(**arguments)


def load_script(path: Path, search_path: list[Path]) -> EntryScript:
    """Import a script and check its contract.

    Args:
        path: The script.
        search_path: Folders that come before everything else on ``sys.path``.

    Raises:
        StartFailure: With the reason.
    """
    if not path.is_file():
        raise StartFailure("ScriptNotFound", f"The entry script '{path}' does not exist.")
    _put_first(search_path)
    _make_way(search_path)
    return _check(_import(path), path)


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


def _check(module: ModuleType, path: Path) -> EntryScript:
    init, run = getattr(module, "init", None), getattr(module, "run", None)
    for name, function in (("init", init), ("run", run)):
        if not callable(function):
            raise _broken(path, f"has no function {name}()")
        if inspect.iscoroutinefunction(function):
            raise _broken(path, f"has an async {name}(); it must be a plain function")
    assert callable(init)  # noqa: S101 - told to the type checker; checked above
    assert callable(run)  # noqa: S101
    if any(_is_required(each) for each in inspect.signature(init).parameters.values()):
        raise _broken(path, "has an init() that takes arguments; it must take none")
    parameters = inspect.signature(run).parameters
    for parameter in parameters.values():
        if parameter.kind in _UNNAMED:
            raise _broken(path, f"has a run() with a {_UNNAMED[parameter.kind]}'{parameter.name}'")
    names = [name for name in parameters if name != HEADERS_PARAMETER]
    if not names:
        raise _broken(path, "has a run() that takes no data; give it one argument")
    if any(_is_required(parameters[name]) for name in names[1:]):
        raise _broken(path, "has a run() with several required arguments; it gets one, the data")
    return EntryScript(init, run, names[0], HEADERS_PARAMETER in parameters)


def _is_required(parameter: inspect.Parameter) -> bool:
    variable = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return parameter.default is parameter.empty and parameter.kind not in variable


def _broken(path: Path, fact: str) -> StartFailure:
    return StartFailure("ScriptContractError", f"The entry script '{path.name}' {fact}.")
