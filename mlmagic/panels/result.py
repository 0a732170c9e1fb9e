"""The Python half of the result panel: facts and tables of whatever a cell shows, searched."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import traitlets

from mlmagic.panels.panel import STATIC, Panel
from mlmagic.presentation import Facts, Lines, Table

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlmagic.presentation import Block, Shown


class ResultPanel(Panel):
    """A view of a result; live where something says when to look at it again.

    ``blocks`` has its facts, tables and lines in their order; ``checked`` is when they came.

    Args:
        title: What it is of, as its heading.
        look: Returns it as it is now.
        stamp: Returns what changes with it, and is asked every second; None once nothing will
            change any more. Without it the result stays as it is.

    Example:
        >>> from mlmagic.presentation import present
        >>> panel = ResultPanel("Numbers", lambda: present([{"n": 1}]))
        >>> panel.blocks
        [{'kind': 'table', 'columns': ['n'], 'rows': [['1']], 'empty': 'Nothing yet.'}]
    """

    _esm = STATIC / "result.js"

    title = traitlets.Unicode().tag(sync=True)
    blocks: Any = traitlets.List().tag(sync=True)
    checked = traitlets.Unicode().tag(sync=True)

    def __init__(
        self, title: str, look: Callable[[], Shown], stamp: Callable[[], Any] | None = None
    ) -> None:
        from mlmagic.services import watch_value

        self._look = look
        self._unwatch: Callable[[], None] = lambda: None
        super().__init__(title=title)
        self._send_newest()
        if stamp is not None:
            self._unwatch = watch_value(stamp, self._changed)

    def close(self) -> None:
        """Stop looking and take the views away."""
        self._unwatch()
        super().close()

    def _changed(self, stamp: Any) -> None:
        self._send_soon()
        if stamp is None:
            self._unwatch()

    def _send_traits(self) -> None:
        self._seen = self._look()
        self.blocks = [_described(block) for block in self._seen.blocks]
        self.checked = datetime.now(UTC).isoformat()

    def _present(self) -> Shown:
        return self._seen


def _described(block: Block) -> dict[str, Any]:
    if isinstance(block, Facts):
        return {"kind": "facts", "facts": [list(fact) for fact in block.kept()]}
    if isinstance(block, Table):
        return {
            "kind": "table",
            "columns": list(block.columns),
            "rows": block.cells(),
            "empty": block.empty,
        }
    lines = block.lines if isinstance(block, Lines) else block.text().splitlines()
    return {"kind": "lines", "text": "\n".join(lines).strip("\n")}
