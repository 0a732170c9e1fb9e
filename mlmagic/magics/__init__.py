"""The magics: parse a line, call one method of the workspace, return its result.

lines       what stands on the line: words, expansion, options of the table
boundary    errors as one line, kept whole for programs
variables   variables passed by name
session     what the magics know of the kernel: workspace, cell, whether anybody watches
showing     progress, and how results are displayed
completion  the tab key
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlmagic.magics.completion import IDENTIFIER, make_matcher
from mlmagic.magics.magics import MlmagicMagics
from mlmagic.magics.showing import add_formatters, remove_formatters

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

__all__ = ["MlmagicMagics", "load", "unload"]


def load(shell: InteractiveShell) -> None:
    """Add the magics, their completion and the display of results to a shell."""
    unload(shell)
    magics = MlmagicMagics(shell=shell)
    shell.register_magics(magics)
    add_formatters(shell, magics.session)
    shell.Completer.custom_matchers.append(make_matcher(magics.session))
    shell.events.register("pre_run_cell", magics.session.remember)


def unload(shell: InteractiveShell) -> None:
    """Take everything away that `load` added; services keep running."""
    manager = shell.magics_manager
    old = manager.registry.pop(MlmagicMagics.__name__, None)
    if old is None:
        return
    for kind, named in MlmagicMagics.magics.items():
        for name in named:
            manager.magics[kind].pop(name, None)
    if old in shell.configurables:
        shell.configurables.remove(old)
    shell.events.unregister("pre_run_cell", old.session.remember)
    remove_formatters(shell)
    matchers = shell.Completer.custom_matchers
    matchers[:] = [m for m in matchers if getattr(m, "matcher_identifier", "") != IDENTIFIER]
