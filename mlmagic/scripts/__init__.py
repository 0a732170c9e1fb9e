"""Entry scripts: written from a cell, checked, and tried before they are served."""

from mlmagic.scripts.imports import Import, Imports, LocalFile, imported_modules
from mlmagic.scripts.sources import collect_sources, entry_in, place_sources

__all__ = [
    "Import",
    "Imports",
    "LocalFile",
    "collect_sources",
    "entry_in",
    "imported_modules",
    "place_sources",
]
