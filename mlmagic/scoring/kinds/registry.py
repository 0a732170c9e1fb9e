"""Which kind an annotation is."""

from __future__ import annotations

import collections.abc
import dataclasses
import enum
import sys
import types
import typing
from typing import Any, get_args, get_origin

from mlmagic.scoring.kinds import containers, libraries, records
from mlmagic.scoring.kinds.kind import Anything, Kind
from mlmagic.scoring.kinds.scalars import SCALARS, Choice, enumeration

_LISTS: dict[Any, Any] = {
    list: None,
    collections.abc.Sequence: None,
    collections.abc.Iterable: None,
    collections.abc.Collection: None,
    collections.abc.MutableSequence: None,
    set: set,
    frozenset: frozenset,
    collections.abc.Set: set,
}
_MAPPINGS = (dict, collections.abc.Mapping, collections.abc.MutableMapping)
_WRAPPERS = (typing.Annotated, typing.Required, typing.NotRequired)


def kind_of(annotation: Any, known: dict[Any, Kind] | None = None) -> Kind:
    """Return the kind of an annotation.

    Args:
        annotation: As ``typing.get_type_hints`` gives it.
        known: Records that are being described: a type may hold itself.

    Raises:
        TypeError: JSON cannot become such a value.
    """
    known = {} if known is None else known
    if annotation is Any or isinstance(annotation, typing.TypeVar):
        return Anything()
    if isinstance(annotation, collections.abc.Hashable):
        if annotation in SCALARS:
            return SCALARS[annotation]
        if annotation in known:
            return known[annotation]
    kind = _of_library(annotation) or _generic(annotation, known) or _of_class(annotation, known)
    if kind is None:
        name = getattr(annotation, "__name__", annotation)
        raise TypeError(f"no JSON value can become '{name}'")
    return kind


def _of_library(annotation: Any) -> Kind | None:
    origin = get_origin(annotation) or annotation
    if not isinstance(origin, type):
        return None
    if origin in _classes("numpy", "ndarray"):
        return libraries.Array(libraries.dtype_of(annotation))
    if origin in _classes("pandas", "DataFrame"):
        return libraries.Frame()
    is_model = issubclass(origin, _classes("pydantic", "BaseModel"))
    if is_model or hasattr(origin, "__pydantic_validator__"):  # or a dataclass of pydantic's
        return libraries.Pydantic(annotation)
    is_struct = issubclass(origin, _classes("msgspec", "Struct"))
    return libraries.Msgspec(annotation) if is_struct else None


def _classes(module: str, name: str) -> tuple[type, ...]:
    """Return a class of a module that the script has imported."""
    found = getattr(sys.modules.get(module), name, None)
    return (found,) if isinstance(found, type) else ()


def _generic(annotation: Any, known: dict[Any, Kind]) -> Kind | None:
    origin, arguments = get_origin(annotation) or annotation, get_args(annotation)
    if origin in _WRAPPERS:
        return kind_of(arguments[0], known)
    if origin in (typing.Union, types.UnionType):
        return containers.Union([kind_of(each, known) for each in arguments])
    if origin is typing.Literal:
        return Choice(arguments)
    return _container(origin, arguments, known)


def _container(origin: Any, arguments: tuple[Any, ...], known: dict[Any, Kind]) -> Kind | None:
    if origin is tuple:
        return _tuple(arguments, known)
    if isinstance(origin, type) and origin in _LISTS:
        item = kind_of(arguments[0] if arguments else Any, known)
        return containers.Items(item, _LISTS[origin])
    if origin in _MAPPINGS:
        key, value = arguments or (str, Any)
        return containers.Mapping(_key_kind(key, known), kind_of(value, known))
    return None


def _tuple(arguments: tuple[Any, ...], known: dict[Any, Kind]) -> Kind:
    if not arguments:
        return containers.Items(Anything(), tuple)
    if arguments[-1] is Ellipsis:
        return containers.Items(kind_of(arguments[0], known), tuple)
    return containers.Row([kind_of(each, known) for each in arguments])


def _key_kind(annotation: Any, known: dict[Any, Kind]) -> Kind:
    """Return the kind of names: JSON has texts only, so others are checked no further."""
    return kind_of(annotation, known) if annotation is str else Anything()


def _of_class(annotation: Any, known: dict[Any, Kind]) -> Kind | None:
    if not isinstance(annotation, type):
        return None
    if issubclass(annotation, enum.Enum):
        return enumeration(annotation)
    if typing.is_typeddict(annotation):
        required = annotation.__required_keys__  # type: ignore[attr-defined]
        return _record(annotation, dict, lambda name: name in required, known)
    if dataclasses.is_dataclass(annotation):
        return _dataclass(annotation, known)
    if issubclass(annotation, tuple) and hasattr(annotation, "_fields"):
        hints = typing.get_type_hints(annotation, include_extras=True)
        kinds = [kind_of(hints.get(name, Any), known) for name in annotation._fields]
        return containers.Row(kinds, lambda items: annotation(*items))
    return None


def _dataclass(annotation: Any, known: dict[Any, Kind]) -> Kind:
    missing = dataclasses.MISSING
    required = {
        field.name
        for field in dataclasses.fields(annotation)
        if field.init and field.default is missing and field.default_factory is missing
    }
    return _record(annotation, annotation, lambda name: name in required, known)


def _record(annotation: Any, make: Any, is_required: Any, known: dict[Any, Kind]) -> Kind:
    record = known[annotation] = records.Record(annotation.__name__, make)
    hints = typing.get_type_hints(annotation, include_extras=True)
    if dataclasses.is_dataclass(annotation):
        names = {field.name for field in dataclasses.fields(annotation) if field.init}
        hints = {name: hint for name, hint in hints.items() if name in names}
    for name, hint in hints.items():
        record.members[name] = records.Member(kind_of(hint, known), is_required(name))
    return record
