"""The libraries whose objects can be registered, and how each is saved.

Formats that hold data only come first: skops for scikit-learn, the libraries' own for the others.
What no row knows is pickled, and the pickle has to pass the same check as a foreign one.

Framework     one library: a row of the table; others by the entry point ``mlmagic.frameworks``
Saved         an object as files
Described     what is known of a model's files before they are registered
"""

from mlmagic.registry.frameworks.framework import Described, Framework, Saved
from mlmagic.registry.frameworks.requirements import installed_version, requirements
from mlmagic.registry.frameworks.table import (
    convert_object,
    framework_named,
    framework_of,
    known,
    our_name,
    save_object,
)

__all__ = [
    "Described",
    "Framework",
    "Saved",
    "convert_object",
    "framework_named",
    "framework_of",
    "installed_version",
    "known",
    "our_name",
    "requirements",
    "save_object",
]
