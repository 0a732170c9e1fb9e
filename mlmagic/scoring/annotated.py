"""Scripts whose run() is annotated: the standard Python way to say what it takes."""

from __future__ import annotations

import dataclasses
import inspect
import json
import sys
import typing
from typing import TYPE_CHECKING, Any

from mlmagic.scoring.call import Call, Reader, Refusal, read_object
from mlmagic.scoring.kinds import Kind, MismatchError, kind_of
from mlmagic.scoring.kinds.libraries import Array
from mlmagic.scoring.numeric import LARGE, read_numbers

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_TEXTS = (str, Any, object)
_BYTES = (bytes, bytearray, memoryview)


def annotated_reader(
    run: Callable[..., Any], taken: Sequence[inspect.Parameter], *, in_lists: bool = False
) -> Reader | None:
    """Return what reads the request as the annotations say.

    Where one argument must be given and all are texts, or anything, it gets the raw text as
    in v1, and there is nothing to return.

    Args:
        run: The function.
        taken: Its parameters, without ``request_headers``.
        in_lists: Whether it is batched: each annotation is a list of what a request has.

    Raises:
        TypeError: An annotation cannot be read, or JSON cannot become such a value.
    """
    hints = _hints(run)
    if in_lists:
        hints = {name: _item(hint) for name, hint in hints.items()}
    first = hints.get(taken[0].name, Any)
    if len(taken) == 1 and first in _BYTES:
        return BytesReader(taken[0].name, first)
    one = all(each.default is not inspect.Parameter.empty for each in taken[1:])
    if one and all(hints.get(each.name, Any) in _TEXTS for each in taken):
        return None
    parameters = [
        Parameter(each.name, kind_of(hints.get(each.name, Any)), each.default) for each in taken
    ]
    return AnnotatedReader(parameters, _output(hints.get("return", Any)))


def _hints(run: Callable[..., Any]) -> dict[str, Any]:
    try:
        return typing.get_type_hints(run, include_extras=True)
    except Exception as error:
        raise TypeError(f"its annotations cannot be read ({error})") from error


def _item(annotation: Any) -> Any:
    if annotation in _TEXTS:
        return Any
    if typing.get_origin(annotation) is not list:
        raise TypeError(f"batched, so '{annotation}' should be a list")
    return typing.get_args(annotation)[0]


def _output(annotation: Any) -> dict[str, Any]:
    """Return the schema of what run() returns; nothing depends on it, so any type will do."""
    try:
        return kind_of(annotation).schema()
    except (TypeError, ValueError):
        return {}


@dataclasses.dataclass(frozen=True)
class Parameter:
    """One argument of run()."""

    name: str
    kind: Kind
    default: Any

    def read(self, values: dict[str, Any]) -> Any:
        """Take it from a request.

        Raises:
            Refusal: It is missing, or does not fit.
        """
        if self.name not in values:
            if self.default is inspect.Parameter.empty:
                raise Refusal(400, f"A value is not provided for the {self.name!r} parameter.")
            return self.default
        try:
            return self.kind.read(values[self.name])
        except MismatchError as error:
            text = f"The value of the {self.name!r} parameter does not fit. {self.name}{error}."
            raise Refusal(400, text) from None
        except RecursionError:
            text = f"The value of the {self.name!r} parameter is nested too deeply."
            raise Refusal(400, text) from None


class AnnotatedReader:
    """Takes each argument by name from a JSON object or the query, and converts it.

    Args:
        parameters: The arguments.
        output: Schema of what run() returns.
    """

    takes_any_method = False

    def __init__(self, parameters: Sequence[Parameter], output: dict[str, Any]) -> None:
        self._parameters = parameters
        self._numbers = _only_array(parameters)
        self.output = output
        names = ", ".join(f"'{each.name}'" for each in parameters)
        self.kind = f"{names} of the request's JSON object, as its annotations say"

    def read(self, call: Call) -> dict[str, Any]:
        """Convert the arguments; other keys are ignored."""
        if self._numbers is not None and len(call.body) >= LARGE and call.is_json:
            name, kind = self._numbers
            numbers = read_numbers(call.body, name, kind.dtype)
            if numbers is not None:
                return {name: numbers}
        values = read_object(call)
        return {each.name: each.read(values) for each in self._parameters}

    def schema(self) -> dict[str, Any]:
        """Return the schema of the request's object."""
        required = [e.name for e in self._parameters if e.default is inspect.Parameter.empty]
        schema: dict[str, Any] = {
            "type": "object",
            "properties": {each.name: each.kind.schema() for each in self._parameters},
        }
        return schema | ({"required": required} if required else {})


def _only_array(parameters: Sequence[Parameter]) -> tuple[str, Array] | None:
    """Return the argument if there is one alone, an array."""
    kind = parameters[0].kind
    if len(parameters) == 1 and isinstance(kind, Array):
        return parameters[0].name, kind
    return None


class BytesReader:
    """Gives run() the body as it came.

    Args:
        parameter: Name of the argument.
        make: ``bytes``, ``bytearray`` or ``memoryview``.
    """

    takes_any_method = False
    kind = "the request's body as bytes"

    def __init__(self, parameter: str, make: Callable[[bytes], Any]) -> None:
        self._parameter = parameter
        self._make = make

    def read(self, call: Call) -> dict[str, Any]:
        """Take the body; a memoryview copies nothing."""
        return {self._parameter: call.body if self._make is bytes else self._make(call.body)}


def write(value: Any) -> bytes:
    """Encode what an annotated run() returned; types of its libraries are written too."""
    return json.dumps(value, default=_plain).encode()


def _plain(value: Any) -> Any:
    """Return an object in the terms of JSON."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {each.name: getattr(value, each.name) for each in dataclasses.fields(value)}
    for name in ("model_dump", "tolist", "isoformat"):  # pydantic, NumPy, dates
        method = getattr(value, name, None)
        if callable(method):
            return method(mode="json") if name == "model_dump" else method()
    if hasattr(value, "to_dict"):  # pandas
        is_frame = hasattr(value, "columns")
        return value.to_dict(orient="records") if is_frame else value.to_dict()
    if "msgspec" in sys.modules:
        import msgspec

        return msgspec.to_builtins(value)
    if isinstance(value, set | frozenset):
        return list(value)
    raise TypeError(f"'{type(value).__name__}' cannot be written as JSON")
