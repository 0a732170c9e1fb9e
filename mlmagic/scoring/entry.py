"""The contract of an entry script: what init() and run() must be, and how run() is called."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any

from mlmagic.scoring.call import Call, Reader, TextReader
from mlmagic.scoring.decorated import DecoratedReader, is_decorated
from mlmagic.scoring.failure import StartFailure
from mlmagic.scoring.outcome import encode
from mlmagic.scoring.raw import RawReader, is_raw

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mlmagic.scoring.coroutines import Coroutines

HEADERS_PARAMETER = "request_headers"
BATCH = "__mlmagic_batch__"  # our decorator marks the function
_UNNAMED = {
    inspect.Parameter.POSITIONAL_ONLY: "positional-only parameter",
    inspect.Parameter.VAR_POSITIONAL: "parameter *",
    inspect.Parameter.VAR_KEYWORD: "parameter **",
}


@dataclass(frozen=True)
class Ways:
    """How a service calls run().

    Attributes:
        annotations: Whether the type annotations of run() count; v1's server ignored them.
        threads: How many calls of an async run() may go on at a time; None does not limit them.
        batch: How many requests run() gets at a time, as lists, where it does not say itself.
    """

    annotations: bool = True
    threads: int | None = None
    batch: int | None = None


@dataclass(frozen=True)
class EntryScript:
    """The two functions of a script.

    Attributes:
        reader: Makes the arguments of run() from a request.
        wants_headers: Whether run() also takes ``request_headers``.
        write: Encodes what run() returns.
        coroutines: Where an async run() runs; None for a plain one.
        batch: How many requests run() gets at a time, as lists; None is one, as it is.
    """

    init: Callable[[], Any]
    run: Callable[..., Any]
    reader: Reader
    wants_headers: bool = False
    write: Callable[[Any], bytes] = encode
    coroutines: Coroutines | None = None
    batch: int | None = None

    def arguments(self, call: Call) -> dict[str, Any]:
        """Return the arguments of run() for a request.

        Raises:
            Refusal: The request does not fit.
        """
        arguments = self.reader.read(call)
        if self.wants_headers:
            arguments[HEADERS_PARAMETER] = call.headers()
        return arguments


def entry_script(module: ModuleType, path: Path, ways: Ways) -> EntryScript:
    """Check the contract of a script's functions.

    Raises:
        StartFailure: It is broken.
    """
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
    batch = getattr(inspect.unwrap(run), BATCH, ways.batch)
    reader, write = _reading(run, taken, path, annotations=ways.annotations, batch=batch)
    coroutines = _coroutines(ways.threads) if _is_async(run) else None
    if batch is not None and coroutines is not None:
        raise _broken(path, "has an async run() that is batched; make it a plain function")
    return EntryScript(init, run, reader, HEADERS_PARAMETER in parameters, write, coroutines, batch)


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
    run: Callable[..., Any],
    taken: list[inspect.Parameter],
    path: Path,
    *,
    annotations: bool,
    batch: int | None,
) -> tuple[Reader, Callable[[Any], bytes]]:
    """Choose how run() gets its arguments, and how its value is written."""
    raw, decorated = is_raw(run), is_decorated(run)
    if raw and decorated:
        raise _broken(path, "has a run() with both @rawhttp and @input_schema; choose one")
    if raw:
        return RawReader(taken[0].name), encode
    if decorated and batch is not None:
        raise _broken(path, "has a run() that is decorated and batched; annotate it instead")
    if decorated:
        return DecoratedReader(taken), encode
    if annotations and getattr(inspect.unwrap(run), "__annotations__", None):
        from mlmagic.scoring.annotated import write

        if (reader := _annotated(run, taken, path, batch)) is not None:
            return reader, write
    if any(_is_required(each) for each in taken[1:]):
        raise _broken(path, "has a run() with several required arguments; it gets one, the data")
    return TextReader(taken[0].name), encode


def _annotated(
    run: Callable[..., Any], taken: list[inspect.Parameter], path: Path, batch: int | None
) -> Reader | None:
    from mlmagic.scoring.annotated import annotated_reader  # few scripts need it

    try:
        return annotated_reader(run, taken, in_lists=batch is not None)
    except TypeError as error:
        raise _broken(path, f"has a run() that cannot be described: {error}") from error


def _is_required(parameter: inspect.Parameter) -> bool:
    variable = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return parameter.default is parameter.empty and parameter.kind not in variable


def _broken(path: Path, fact: str) -> StartFailure:
    return StartFailure("ScriptContractError", f"The entry script '{path.name}' {fact}.")
