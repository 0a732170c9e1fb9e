"""What a server-side dry run would change, field by field."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlmagic.targets.kubernetes.connection import Object

# Of the server and its controllers, not of anybody's wish.
_NOT_COMPARED = {
    *("managedFields", "resourceVersion", "generation", "uid", "creationTimestamp"),
    *("ownerReferences", "deployment.kubernetes.io/revision"),
}
Difference = tuple[str, str, str]


def differences(before: Object | None, after: Object) -> list[Difference]:
    """Compare an object with what it would be.

    Returns:
        For each field that differs its path, what it is, and what it would be; of a new object
        one line.
    """
    name = f"{after['kind']}/{after['metadata']['name']}"
    if before is None:
        return [(name, "", "created")]
    found = _compare(
        {part: before.get(part) for part in ("metadata", "spec", "data")},
        {part: after.get(part) for part in ("metadata", "spec", "data")},
        "",
    )
    return [(f"{name} {path}", old, new) for path, old, new in found]


def _compare(old: Any, new: Any, path: str) -> Iterator[Difference]:
    if old == new:
        return
    if isinstance(old, dict) and isinstance(new, dict):
        for key in [*old, *(key for key in new if key not in old)]:
            if key not in _NOT_COMPARED:
                yield from _compare(old.get(key), new.get(key), f"{path}.{key}".lstrip("."))
    elif isinstance(old, list) and isinstance(new, list) and _named(old) and _named(new):
        olds, news = ({item["name"]: item for item in items} for items in (old, new))
        for key in dict.fromkeys([*olds, *news]):
            yield from _compare(olds.get(key), news.get(key), f"{path}[{key}]")
    else:
        yield path, _text(old), _text(new)


def _named(items: list[Any]) -> bool:
    return all(isinstance(item, dict) and "name" in item for item in items)


def _text(value: Any) -> str:
    if isinstance(value, list) and not any(isinstance(item, dict | list) for item in value):
        return " ".join(f"{item}" for item in value)
    return "" if value is None else f"{value}"
