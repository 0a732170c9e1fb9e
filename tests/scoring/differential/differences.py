"""Where our answers differ from azmlinfsrv's on purpose; docs/differences.md is made of this."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass

from tests.scoring.differential.environments import ROOT
from tests.scoring.differential.servers import Ask, Told

DOCUMENT = ROOT / "docs" / "differences.md"


@dataclass(frozen=True)
class Exchange:
    """One request and both answers."""

    script: str
    ask: Ask
    theirs: Told
    ours: Told

    def differing(self) -> set[str]:
        """Return what differs: status, body, or names of headers."""
        found = set()
        if self.theirs.status != self.ours.status:
            found.add("status")
        if repr(self.theirs.body) != repr(self.ours.body):
            found.add("body")
        one, other = set(self.theirs.headers), set(self.ours.headers)
        return found | {name for name, _ in one ^ other}


@dataclass(frozen=True)
class Difference:
    """One listed difference.

    Attributes:
        covers: Whether it explains something of an exchange.
        fields: What it explains.
    """

    what: str
    theirs: str
    ours: str
    why: str
    covers: Callable[[Exchange], bool]
    fields: frozenset[str]


DIFFERENCES: tuple[Difference, ...] = ()


def unexplained(exchange: Exchange) -> set[str]:
    """Return what differs and is not listed."""
    known = (each.fields for each in DIFFERENCES if each.covers(exchange))
    return exchange.differing().difference(*known)


def document() -> str:
    """Write the list for readers."""
    lines = [
        "# Differences to azmlinfsrv",
        "",
        "`python -m mlmagic.scoring --compat azmlinfsrv` answers as `azureml-inference-server-http`",
        "1.5.1 does; both get the same requests in `tests/scoring/differential`. What differs on",
        "purpose:",
        "",
        "| | azmlinfsrv | mlmagic | why |",
        "| --- | --- | --- | --- |",
    ]
    rows = (f"| {d.what} | {d.theirs} | {d.ours} | {d.why} |" for d in DIFFERENCES)
    note = "This page is written by `python -m tests.scoring.differential.differences`."
    return "\n".join([*lines, *rows, "", note, ""])


if __name__ == "__main__":
    DOCUMENT.write_text(document(), encoding="utf-8")
    sys.stdout.write(f"{DOCUMENT}\n")
