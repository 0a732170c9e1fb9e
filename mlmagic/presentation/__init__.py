"""Results as people and programs want to see them: text, HTML, JSON.

blocks    the few shapes a result is shown in: lines, a table, facts
measures  sizes, times and digests in words
views     which shape each kind of result takes
data      the JSON form, and the output formats of the command line
"""

from mlmagic.presentation.blocks import Block, Facts, Lines, Table
from mlmagic.presentation.data import to_data, v1_error, write
from mlmagic.presentation.models import facts_of
from mlmagic.presentation.services import services_table
from mlmagic.presentation.surroundings import environment_facts
from mlmagic.presentation.views import Shown, present

__all__ = [
    "Block",
    "Facts",
    "Lines",
    "Shown",
    "Table",
    "environment_facts",
    "facts_of",
    "present",
    "services_table",
    "to_data",
    "v1_error",
    "write",
]
