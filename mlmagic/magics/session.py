"""What the magics know of the kernel they run in."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlmagic.errors import UsageError
from mlmagic.magics.showing import ServiceDisplay
from mlmagic.settings import Settings

if TYPE_CHECKING:
    from mlmagic.entities import CellOrigin
    from mlmagic.workspace import Workspace


class Session:
    """The workspace, the cell, the user's names, and whether anybody watches."""

    def __init__(self, shell: Any) -> None:
        self.shell = shell
        self.service_display = ServiceDisplay(self)
        self._workspace: Workspace | None = None
        self._folder: Path | None = None
        self._marked: tuple[int, str] | None = None

    def remember(self, info: Any) -> None:
        """Keep the cell that begins to run, if it is marked; some clients store no history."""
        self.service_display.forget()
        source = info.raw_cell or ""
        # Other cells do not wait for what checks scripts to be imported.
        if "score_script" in source and _marked_line(source):
            self._marked = (self.shell.displayhook.prompt_count, source)

    def workspace(self) -> Workspace:
        """Return the workspace of the current folder; it is kept while the folder stays."""
        from mlmagic.workspace import Workspace

        here = Path.cwd()
        if self._workspace is None or self._folder != here or self._is_gone(self._workspace):
            self._workspace, self._folder = Workspace(), here
        return self._workspace

    @staticmethod
    def _is_gone(workspace: Workspace) -> bool:
        """Whether somebody deleted the folder that this session made."""
        return workspace.created and not workspace.exists

    @property
    def in_kernel(self) -> bool:
        """Whether a front end displays what the shell shows."""
        return getattr(self.shell, "kernel", None) is not None

    @property
    def headless(self) -> bool:
        """Whether nobody watches: the setting decides; else CI, or a client without input."""
        # Where settings are wrong, the verbs that need them say so, and '%ml config' shows them.
        settings = Settings(self.workspace().root)
        headless, origin = settings.look_up(Settings.headless, strict=False)
        if headless or origin != "default":
            return bool(headless)
        kernel = getattr(self.shell, "kernel", None)
        # Papermill and nbclient refuse input; a notebook's front end allows it.
        return kernel is not None and not getattr(kernel, "_allow_stdin", True)

    @property
    def live(self) -> bool:
        """Whether somebody looks at this kernel through a front end that shows panels."""
        return self.in_kernel and not self.headless

    @property
    def notebook(self) -> str | None:
        """File name of the notebook, where the front end tells it."""
        known = self.shell.user_ns.get("__vsc_ipynb_file__") or os.environ.get("JPY_SESSION_NAME")
        return Path(known).name if known else None

    def namespace(self) -> dict[str, Any]:
        """Return the variables that are the user's."""
        from mlmagic.panels.cells import user_names

        return user_names(self.shell)

    def cell(self, magic: str = "") -> CellOrigin:
        """Return the coordinates of the running cell.

        Args:
            magic: The cell magic that is on its first line, such as ``%%score_script``.
        """
        from mlmagic.entities import CellOrigin

        # The display hook knows the number of the running cell in every version of IPython.
        count = self.shell.displayhook.prompt_count
        history = self.shell.history_manager.input_hist_raw
        lines = history[count].splitlines() if count < len(history) else []
        places = [n for n, text in enumerate(lines, 1) if magic and text.startswith(magic)]
        return CellOrigin(execution_count=count, first_line=places[0] + 1 if places else 2)

    def last_marked_cell(self) -> tuple[str, str, CellOrigin]:
        """Return options, body and origin of the last cell with ``# mlmagic: score_script``.

        Raises:
            UsageError: No cell has run that begins so.
        """
        from mlmagic.entities import CellOrigin

        history = self.shell.history_manager.input_hist_raw
        stored = [(count, history[count]) for count in range(len(history) - 1, 0, -1)]
        for count, source in [self._marked, *stored] if self._marked else stored:
            found = _marked_line(source)
            if found:
                first, options = found
                body = "\n".join(source.splitlines()[first + 1 :]) + "\n"
                return options, body, CellOrigin(execution_count=count, first_line=first + 2)
        raise UsageError(
            "No cell that has run begins with '# mlmagic: score_script'.",
            hint="Put that comment on the first line of the cell, and run it first.",
        )


def _marked_line(source: str) -> tuple[int, str] | None:
    """Return which line of a cell (from 0) marks it as an entry script, and its options."""
    from mlmagic.scripts import marker

    options = marker(source)
    if options is None:
        return None
    return next(n for n, text in enumerate(source.splitlines()) if text.strip()), options
