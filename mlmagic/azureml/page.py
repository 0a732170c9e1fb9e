"""The table of ``docs/azureml.md``, made from the notes beside the code.

``python -m mlmagic.azureml.page`` writes it; ``--check`` only compares.
"""

from __future__ import annotations

import sys
from itertools import groupby
from pathlib import Path

from mlmagic.azureml.coverage import rows
from mlmagic.files import write_atomically

PAGE = Path("docs") / "azureml.md"
BEGIN = "<!-- coverage: begin -->"
END = "<!-- coverage: end -->"


def table() -> str:
    """Return the table of every public member of every covered class, and of other names."""
    parts, alone = [], []
    for (module, owner), found in groupby(rows(), key=lambda row: (row.module, row.owner)):
        first, *rest = found
        if not rest:
            alone.append(f"| `{module}.{owner}` | {first.status} | {first.note} |")
            continue
        lines = [f"### `{module}.{owner}`", "", "| Member | | |", "| --- | --- | --- |"]
        for row in (first, *rest):
            member = row.member if row is first else f"`{row.member}`"
            lines.append(f"| {member} | {row.status} | {row.note} |")
        parts.append("\n".join(lines))
    head = ["### Other names", "", "| Name | | |", "| --- | --- | --- |"]
    return "\n\n".join([*parts, "\n".join([*head, *alone])])


def main(arguments: list[str]) -> int:
    """Write the table into the page, or compare it."""
    text = PAGE.read_text("utf-8")
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    made = f"{before}{BEGIN}\n{table()}\n{END}{after}"
    if made == text:
        return 0
    print(f"{PAGE} is {'stale' if '--check' in arguments else 'written'}")
    if "--check" in arguments:
        return 1
    write_atomically(PAGE, made)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
