"""The user's entry script: found, imported, checked against the contract of init() and run()."""

from __future__ import annotations

import importlib.util
import inspect
import sys
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any

from mlmagic.scoring.call import Call, Reader, TextReader
from mlmagic.scoring.decorated import DecoratedReader, is_decorated
from mlmagic.scoring.failure import StartFailure, describe
from mlmagic.scoring.outcome import encode
from mlmagic.scoring.raw import RawReader, is_raw
from mlmagic.scoring.standins.finder import provide

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mlmagic.scoring.coroutines import Coroutines

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
        reader: Makes the arguments of run() from a request.
        wants_headers: Whether run() also takes ``request_headers``.
        write: Encodes what run() returns.
        coroutines: Where an async run() runs; None for a plain one.
    """

    init: Callable[[], Any]
    run: Callable[..., Any]
    reader: Reader
    wants_headers: bool = False
    write: Callable[[Any], bytes] = encode
    coroutines: Coroutines | None = None

    def arguments(self, call: Call) -> dict[str, Any]:
        """Return the arguments of run() for a request.

        Raises:
            Refusal: The request does not fit.
        """
        arguments = self.reader.read(call)
        if self.wants_headers:
            arguments[HEADERS_PARAMETER] = call.headers()
        return arguments


def load_script(
    path: Path,
    search_path: list[Path],
    *,
    annotations: bool = True,
    threads: int | None = None,
) -> EntryScript:
    """Import a script and check its contract.

    Args:
        path: The script.
        search_path: Folders that come before everything else on ``sys.path``.
        annotations: Whether the type annotations of run() count; v1's server ignored them.
        threads: How many calls of an async run() may go on at a time; None does not limit them.

    Raises:
        StartFailure: With the reason.
    """
    if not path.is_file():
        raise StartFailure("ScriptNotFound", f"The entry script '{path}' does not exist.")
    _put_first(search_path)
    provide()
    return _check(_import(path), path, annotations=annotations, threads=threads)


def _put_first(folders: list[Path]) -> None:
    """Put the user's folders first, so that nothing of ours shadows a module of theirs."""
    names = list(dict.fromkeys(str(folder) for folder in folders))
    sys.path[:] = names + [entry for entry in sys.path if entry not in names]


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


def _check(
    module: ModuleType, path: Path, *, annotations: bool, threads: int | None
) -> EntryScript:
    init, run = getattr(module, "init", None), _run_of(module)
    for name, function in (("init", init), ("run", run)):
        if not callable(function):
            raise _broken(path, f"has no function {name}()")
    assert callable(init)  # noqa: S101 - told to the type checker; checked above
    assert callable(run)  # noqa: S101
    if any(_is_required(each) for each in inspect.signature(init).parameters.values()):
        raise _broken(path, "has an init() that takes arguments; it must take none")
    parameters = inspect.signature(run).parameters
    for parameter in parameters.values():
        if parameter.kind in _UNNAMED:
            raise _broken(path, f"has a run() with a {_UNNAMED[parameter.kind]}'{parameter.name}'")
    taken = [each for name, each in parameters.items() if name != HEADERS_PARAMETER]
    if not taken:
        raise _broken(path, "has a run() that takes no data; give it one argument")
    reader, write = _reading(run, taken, path, annotations=annotations)
    coroutines = _coroutines(threads) if _is_async(run) else None
    return EntryScript(init, run, reader, HEADERS_PARAMETER in parameters, write, coroutines)


def _run_of(module: ModuleType) -> Any:
    """Return run(); behind a driver that v1's tools generated, that of the script itself."""
    driven = getattr(module, "driver_module", None)
    if isinstance(driven, ModuleType) and hasattr(driven, "run"):
        return driven.run
    return getattr(module, "run", None)


def _is_async(run: Callable[..., Any]) -> bool:
    original = inspect.unwrap(run)
    return inspect.iscoroutinefunction(original) or inspect.isasyncgenfunction(original)


def _coroutines(most: int | None) -> Coroutines:
    from mlmagic.scoring.coroutines import Coroutines

    return Coroutines(most)


def _reading(
    run: Callable[..., Any], taken: list[inspect.Parameter], path: Path, *, annotations: bool
) -> tuple[Reader, Callable[[Any], bytes]]:
    """Choose how run() gets its arguments, and how its value is written."""
    raw, decorated = is_raw(run), is_decorated(run)
    if raw and decorated:
        raise _broken(path, "has a run() with both @rawhttp and @input_schema; choose one")
    if raw:
        return RawReader(taken[0].name), encode
    if decorated:
        return DecoratedReader(taken), encode
    if annotations and getattr(inspect.unwrap(run), "__annotations__", None):
        from mlmagic.scoring.annotated import write

        if (reader := _annotated(run, taken, path)) is not None:
            return reader, write
    if any(_is_required(each) for each in taken[1:]):
        raise _broken(path, "has a run() with several required arguments; it gets one, the data")
    return TextReader(taken[0].name), encode


def _annotated(
    run: Callable[..., Any], taken: list[inspect.Parameter], path: Path
) -> Reader | None:
    from mlmagic.scoring.annotated import annotated_reader  # few scripts need it

    try:
        return annotated_reader(run, taken)
    except TypeError as error:
        raise _broken(path, f"has a run() that cannot be described: {error}") from error


def _is_required(parameter: inspect.Parameter) -> bool:
    variable = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return parameter.default is parameter.empty and parameter.kind not in variable


def _broken(path: Path, fact: str) -> StartFailure:
    return StartFailure("ScriptContractError", f"The entry script '{path.name}' {fact}.")
