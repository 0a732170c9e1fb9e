"""The few shapes that results are shown in, each as text and as HTML.

Everything that comes from users is escaped in HTML.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from textwrap import TextWrapper, indent
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from mlmagic.colours import BAD, GOOD, WARN

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_CELL = "text-align:left;padding:2px 1.2em 2px 0;vertical-align:top"
_PRE = (
    "margin:0;padding:0;background:none;white-space:pre-wrap;line-height:1.4;"
    "word-break:normal;overflow-wrap:anywhere"
)
_WRAPPER = TextWrapper(
    100,
    initial_indent=" " * 4,
    subsequent_indent=" " * 4,
    break_long_words=False,
    break_on_hyphens=False,
)
_COLOURS = {
    "Healthy": GOOD,
    "Failed": BAD,
    "Unhealthy": BAD,
    "Unschedulable": WARN,
    "missing": BAD,
    "ok": GOOD,
}


class Block(Protocol):
    """A part of what is shown."""

    def text(self) -> str:
        """Return it as plain text."""

    def html(self) -> str:
        """Return it as HTML."""


Views: TypeAlias = "dict[str, Callable[[Any], list[Block]]]"
ListViews: TypeAlias = "dict[str, Callable[[list[Any]], list[Block]]]"


@dataclass(frozen=True)
class Lines:
    """Lines as they are, in a fixed width."""

    lines: tuple[str, ...]

    def text(self) -> str:
        """Return the lines."""
        return "\n".join(self.lines)

    def html(self) -> str:
        """Return the lines, escaped."""
        return f'<pre style="{_PRE}">{escape(self.text())}</pre>'


@dataclass(frozen=True)
class Table:
    """A table; said in words where it is empty."""

    columns: tuple[str, ...]
    rows: Sequence[Sequence[Any]]
    empty: str = "Nothing yet."

    def cells(self) -> list[list[str]]:
        """Return the rows as text."""
        return [[_plain(cell) for cell in row] for row in self.rows]

    def text(self) -> str:
        """Return aligned columns."""
        if not self.rows:
            return self.empty
        cells = [self.columns, *self.cells()]
        widths = [max(len(row[place]) for row in cells) for place in range(len(self.columns))]
        return "\n".join(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in cells
        )

    def html(self) -> str:
        """Return an HTML table."""
        if not self.rows:
            return f"<p>{escape(self.empty)}</p>"
        head = "".join(f'<th scope="col" style="{_CELL}">{escape(c)}</th>' for c in self.columns)
        body = "".join(
            "<tr>" + "".join(f'<td style="{_CELL}">{_marked(cell)}</td>' for cell in row) + "</tr>"
            for row in self.rows
        )
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


@dataclass(frozen=True)
class Entries(Table):
    """Rows of what it is, a sentence and places: in text each of them on lines of its own."""

    def text(self) -> str:
        """Return the sentences broken into lines, and the places as they are."""
        if not self.rows:
            return self.empty
        lines = [self.columns[0].upper()]
        for name, sentence, places in self.cells():
            lines += ["", name, *_WRAPPER.wrap(sentence), indent(places, " " * 4)]
        return "\n".join(lines)


@dataclass(frozen=True)
class Facts:
    """Names with values, one a line; empty values are left out."""

    pairs: tuple[tuple[str, Any], ...]

    def kept(self) -> list[tuple[str, str]]:
        """Return the names that have a value, as text."""
        return [(name, _plain(value)) for name, value in self.pairs if _plain(value)]

    def text(self) -> str:
        """Return aligned lines."""
        kept = self.kept()
        width = max((len(name) for name, _ in kept), default=0)
        pad = "\n" + " " * (width + 2)
        return "\n".join(f"{n.ljust(width)}  {v.replace(chr(10), pad)}" for n, v in kept)

    def html(self) -> str:
        """Return a table of two columns."""
        rows = "".join(
            f'<tr><th scope="row" style="{_CELL}">{escape(name)}</th>'
            f'<td style="{_CELL};white-space:pre-wrap">{_marked(value)}</td></tr>'
            for name, value in self.kept()
        )
        return f"<table><tbody>{rows}</tbody></table>"


def _plain(value: Any) -> str:
    if value is None or (isinstance(value, (list, tuple, dict, set, frozenset)) and not value):
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ", ".join(f"{key}={item}" for key, item in value.items())
    if isinstance(value, (list, tuple, set, frozenset)):
        return ", ".join(str(item) for item in value)
    return str(value)


def _marked(value: Any) -> str:
    text = _plain(value)
    colour = _COLOURS.get(text)
    return f'<span style="color:{colour}">{text}</span>' if colour else escape(text)
