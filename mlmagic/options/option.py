"""One option of one verb."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from mlmagic.options.values import READERS, read_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Kind = Literal[
    "text",
    "flag",  # takes no value; stands for `value`
    "integer",
    "number",
    "boolean",  # true or false, as v1 writes it
    "quantity",  # Kubernetes' spelling: 512Mi, 500m
    "quantities",  # one, or two with a colon: 512Mi:1Gi
    "path",
    "pair",  # KEY=VALUE, repeated; becomes a dict
    "assignment",  # two words, NAME VALUE, repeated; becomes a dict
    "body",  # a request: @FILE, - or text
    "choice",
    "source",  # a variable or a path: what is registered
    "variable",  # an object of the notebook
    "sample",  # a variable, a file or JSON
    "version",  # appended to the value of the same name: NAME:VERSION
]

_SHORT = len("--mi")  # v1's short forms have two letters, which nobody remembers


def spell_out(flags: Sequence[str]) -> str:
    """Return the spelling that messages use: the first long one."""
    return next((flag for flag in flags if flag.startswith("--")), flags[0])


@dataclass(frozen=True, kw_only=True)
class Option:
    """One option: how it is written, and which keyword of the method it fills.

    Two rows may fill one keyword (``--memory 512Mi``, ``--gb 0.5``); giving both is an error.

    Attributes:
        name: Keyword of the method.
        flags: Its spellings, ours first, then Azure ML v1's; none makes it positional.
        help: One clause, without full stop.
        kind: How its text is read.
        required: The keyword must be given, by this row or another.
        repeat: May be given several times; the values become a tuple.
        value: What a flag stands for.
        choices: The words allowed, matched without regard to case.
        metavar: The word that stands for the value in help.
        complete: What completes it: ``model``, ``model-name``, ``service``, ``environment``,
            ``configuration``, ``target``, ``script``, ``variable``, ``path``.
        section: The configuration file that may hold it.
        key: Its name in such a file.
        v1_key: Its name there in v1's spelling; dots lead into objects.
        convert: Turns the value read into the method's.
        secret: Whether its value is not for others' eyes: no form and no line shows it.
        private: Whether its value may be; a form takes it, and forgets it with the kernel.
        unit: What a number of it counts, such as ``ms``; quantities may have prefixes before it.
        minimum: The smallest whole number allowed.
        maximum: The largest.
        yields: Whether it only says the kind of what another row of the same name tells in full,
            which then counts.
        group: The heading that help puts it under.
    """

    name: str
    help: str
    flags: tuple[str, ...] = ()
    kind: Kind = "text"
    required: bool = False
    repeat: bool = False
    value: Any = True
    choices: tuple[str, ...] = ()
    metavar: str | None = None
    complete: str | None = None
    section: Literal["inference", "deployment"] | None = None
    key: str | None = None
    v1_key: str | None = None
    convert: Callable[[Any], Any] | None = None
    secret: bool = False
    private: bool = False
    unit: str = ""
    minimum: int | None = None
    maximum: int | None = None
    yields: bool = False
    group: str = "options"

    @property
    def positional(self) -> bool:
        """Whether it is told by its place instead of a flag."""
        return not self.flags

    @property
    def is_mapping(self) -> bool:
        """Whether its values become a dict."""
        return self.kind in ("pair", "assignment")

    @property
    def label(self) -> str:
        """How messages call it."""
        return self.placeholder if self.positional else spell_out(self.flags)

    @property
    def placeholder(self) -> str:
        """The word that stands for the value in help."""
        if self.metavar:
            return self.metavar
        if self.choices:
            return "|".join(self.choices)
        return {
            "pair": "KEY=VALUE",
            "integer": "N",
            "quantity": "QUANTITY",
            "quantities": "QUANTITY[:LIMIT]",
        }.get(self.kind, self.name.upper())

    def read(self, value: Any) -> Any:
        """Turn what a user wrote, on a line or in a file, into the method's value.

        Raises:
            ValueError: It breaks the rule of this option; the message says which.
        """
        if self.private and f"{value}".endswith("=…"):
            raise ValueError(f"'{value}' is a line that keeps a value back; write it for '…'")
        reader: Callable[[Any], Any] = READERS.get(self.kind, read_text)
        result = reader(value)
        if self.choices:
            result = self._choose(result)
        if self.kind == "integer":
            self._check_range(result)
        return self.convert(result) if self.convert else result

    def write(self, text: str) -> list[str]:
        """Return the words of a line that give this text.

        Example:
            >>> Option(name="memory", flags=("--memory",), help="").write("1 Gi")
            ['--memory', "'1 Gi'"]
        """
        told = (flag for flag in self.flags if flag.startswith("--") and len(flag) > _SHORT)
        flag = [] if self.positional else [next(told, spell_out(self.flags))]
        return flag if self.kind == "flag" else [*flag, shlex.quote(text)]

    def _choose(self, text: str) -> str:
        for choice in self.choices:
            if choice.lower() == text.lower():
                return choice
        from mlmagic.errors import did_you_mean

        raise ValueError(f"'{text}' is not allowed. {did_you_mean(text, self.choices)}")

    def _check_range(self, number: int) -> None:
        low, high = self.minimum, self.maximum
        if (low is not None and number < low) or (high is not None and number > high):
            rule = f"from {low} to {high}" if high is not None else f"at least {low}"
            raise ValueError(f"'{number}' is out of range; allowed: {rule}")


def in_group(heading: str, *rows: Option) -> tuple[Option, ...]:
    """Put rows under a heading of the help."""
    return tuple(replace(row, group=heading) for row in rows)
