"""A project of Azure ML v1 looked through: what works here, what was mapped, what to decide.

report       what is told
discovering  the files of a project, and what each is
known        what our classes have, by the names that v1's code uses
reading      uses of v1 in Python, found in the syntax tree
notebooks    the Python and the shell lines of a notebook
lines        lines of ``az ml``, parsed by our own tables
documents    configurations, environments and pipelines
project      all of it; ``writing`` makes the project of mlmagic next to it
"""

from mlmagic.azureml.importing.project import import_project
from mlmagic.azureml.importing.report import Finding, ImportReport, ProjectFile

__all__ = ["Finding", "ImportReport", "ProjectFile", "import_project"]
