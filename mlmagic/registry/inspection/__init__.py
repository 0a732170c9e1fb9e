"""What a model file holds, told by its content: one module per kind of file.

Nothing here loads a model. What cannot be read, or not be checked, is reported like what may run
code: a loader may be more forgiving than we are.

Finding     something that needs the user's trust
look_into   all findings of a file, and what kind of file it is
"""

from mlmagic.registry.inspection.content import Content, look_into
from mlmagic.registry.inspection.findings import Finding

__all__ = ["Content", "Finding", "look_into"]
