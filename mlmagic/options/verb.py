"""One thing that a user can ask for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from mlmagic.options.option import Option


@dataclass(frozen=True, kw_only=True)
class Verb:
    """A verb: its words, the method that does it, and its options.

    Attributes:
        path: Its words, such as ``("model", "register")``.
        method: The method; every option's ``name`` is one of its keywords.
        help: What it does, one sentence.
        options: Its options, positional ones first.
        aliases: Other words for the same.
        owner: What has the method: a workspace, the class ``Workspace``, ``mlmagic.runs``,
            ``mlmagic.azureml.importing``, or the command ``mlmagic`` alone.
        magic: Its own magic, such as ``%deploy`` or ``%%score_script``, beside ``%ml VERB``.
        shell: Whether the command ``mlmagic`` and ``%ml`` have it; cells need a notebook.
        progress: Whether the method takes ``on_event`` for lines of progress.
        examines: Whether it tells what is wrong with the settings, and goes on.
        done: What is said where the result says nothing, with ``{keywords}`` and ``{result}``.
        examples: Lines that work, without the leading ``mlmagic``.
        result: What is returned.
    """

    path: tuple[str, ...]
    method: str
    help: str
    options: tuple[Option, ...] = ()
    aliases: tuple[tuple[str, ...], ...] = ()
    owner: Literal["workspace", "class", "runs", "azureml", "shell"] = "workspace"
    magic: str | None = None
    shell: bool = True
    progress: bool = False
    examines: bool = False
    done: str = ""
    examples: tuple[str, ...] = ()
    result: str = ""

    @property
    def title(self) -> str:
        """The words as written: ``model register``."""
        return " ".join(self.path)
