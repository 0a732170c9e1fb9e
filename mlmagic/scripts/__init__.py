"""Entry scripts: written from a cell, checked, and tried before they are served."""

from mlmagic.scripts.capture import marker, write_script
from mlmagic.scripts.check import check_contract, check_script
from mlmagic.scripts.child import Limits
from mlmagic.scripts.imports import Import, Imports, LocalFile, imported_modules
from mlmagic.scripts.records import ScriptRecord, ScriptRecords
from mlmagic.scripts.sources import collect_sources, entry_in, place_sources
from mlmagic.scripts.tracebacks import cell_line, render_traceback
from mlmagic.scripts.trial import try_script

__all__ = [
    "Import",
    "Imports",
    "Limits",
    "LocalFile",
    "ScriptRecord",
    "ScriptRecords",
    "cell_line",
    "check_contract",
    "check_script",
    "collect_sources",
    "entry_in",
    "imported_modules",
    "marker",
    "place_sources",
    "render_traceback",
    "try_script",
    "write_script",
]
