"""JSON or YAML text as entries that know their lines."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlmagic.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from yaml.nodes import MappingNode, Node


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One key of a configuration.

    Attributes:
        key: Its name; dots lead into objects.
        value: What it holds, as JSON would.
        line: Its line, from 1, or of the cell.
    """

    key: str
    value: Any
    line: int


def read_entries(
    text: str, *, name: str, objects: Collection[str] = (), first_line: int = 1
) -> list[Entry]:
    """Read the keys of a JSON or YAML object.

    Args:
        text: The text.
        name: What messages call it.
        objects: Keys whose objects are read into, one level deep.
        first_line: Line of the cell on which the text begins.

    Raises:
        ConfigurationError: The text is neither JSON nor YAML, or no object, or names a key twice.
    """
    import yaml

    is_json = text.lstrip().startswith("{")
    # In JSON a tab is only ever white space; YAML does not allow it there.
    source = text.replace("\t", " ") if is_json else text
    try:
        node = yaml.compose(source, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise _not_readable(text, name, error, first_line, is_json=is_json) from error
    except RecursionError:
        raise ConfigurationError(f"The configuration '{name}' is nested too deeply.") from None
    if not isinstance(node, yaml.MappingNode):
        raise ConfigurationError(
            f"The configuration '{name}' holds no keys.",
            hint="Write JSON such as {\"port\": 8890} or YAML such as 'port: 8890'.",
        )
    entries = list(_entries(node, objects, first_line))
    seen: dict[str, int] = {}
    for entry in entries:
        if entry.key in seen:
            raise ConfigurationError(
                f"The key '{entry.key}' stands twice in '{name}', "
                f"on lines {seen[entry.key]} and {entry.line}.",
                hint="Remove one.",
            )
        seen[entry.key] = entry.line
    return entries


def _entries(
    node: MappingNode, objects: Collection[str], first_line: int, prefix: str = ""
) -> Iterator[Entry]:
    import yaml

    for key_node, value_node in node.value:
        key = f"{prefix}{_plain(key_node, first_line)}"
        line = key_node.start_mark.line + first_line
        if not prefix and key in objects and isinstance(value_node, yaml.MappingNode):
            yield from _entries(value_node, objects, first_line, f"{key}.")
        else:
            yield Entry(key=key, value=_plain(value_node, first_line), line=line)


def _plain(node: Node, first_line: int) -> Any:
    import yaml

    loader = yaml.SafeLoader("")
    try:
        return loader.construct_document(node)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None) or node.start_mark
        raise ConfigurationError(
            f"The value on line {mark.line + first_line} cannot be read: "
            f"{getattr(error, 'problem', None) or error}."
        ) from error
    finally:
        loader.dispose()


def read_document(text: str, *, what: str, is_json: bool) -> Any:
    """Read JSON or YAML as plain data.

    Args:
        text: The text.
        what: What messages begin with, such as ``The file 'env.yml'``.
        is_json: Which of them it is.

    Raises:
        ConfigurationError: It is malformed; the message says on which line and column.
    """
    import yaml

    try:
        return json.loads(text) if is_json else yaml.safe_load(text)
    except (ValueError, yaml.YAMLError) as error:
        raise _malformed(what, error, is_json=is_json) from error
    except RecursionError:
        raise ConfigurationError(f"{what} is nested too deeply.") from None


def _not_readable(
    text: str, name: str, error: Exception, first_line: int, *, is_json: bool
) -> ConfigurationError:
    if is_json:
        try:
            json.loads(text)
        except json.JSONDecodeError as wrong:
            error = wrong
    return _malformed(f"The configuration '{name}'", error, is_json=is_json, first_line=first_line)


def _malformed(
    what: str, error: Exception, *, is_json: bool, first_line: int = 1
) -> ConfigurationError:
    if isinstance(error, json.JSONDecodeError):
        problem = error.msg
        where = f" (line {error.lineno + first_line - 1}, column {error.colno})"
    else:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or str(error)
        where = f" (line {mark.line + first_line}, column {mark.column + 1})" if mark else ""
    return ConfigurationError(f"{what} is not {'JSON' if is_json else 'YAML'}: {problem}{where}.")
