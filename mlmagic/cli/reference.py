"""The reference page, and the table of verbs in the README, from the option tables.

``python -m mlmagic.cli.reference`` writes both; ``--check`` only compares.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlmagic.files import write_atomically
from mlmagic.options import COMMON, VERBS
from mlmagic.settings import FILE_NAME, Settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mlmagic.options import Option, Verb

BEGIN, END = "<!-- reference: begin -->", "<!-- reference: end -->"
_HEAD = """# Reference

Made from the option tables by `python -m mlmagic.cli.reference`. Every verb is a command of
`mlmagic`, a line of `%ml`, and, where it says so, a magic of its own. `-o/--output` is the format
of the output everywhere, `--query` a JMESPath query on the JSON form.

On the line of a magic, variables are named (`--sample sample`) and `{expression}` is replaced;
write `{{…}}` for braces that stay; `#` begins a comment. `%ml … > FILE` writes what the command
says to a file, all at once where it succeeds, `>> FILE` behind what the file has. Errors are one
line; they show where they come from after `%config MlmagicMagics.show_traceback = True`. Commands
return 0 for success, 1 for a failure, 2 for a wrong line and 3 for a service that is not Healthy;
`--debug` shows the traceback.
"""


def reference() -> str:
    """Return the reference page."""
    parts = [_HEAD, "## Verbs", *(_verb(verb) for verb in VERBS)]
    parts += ["## Options of every verb", _options(COMMON)]
    parts += ["## Keys of configuration files", _keys(), "## Settings", _settings()]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def readme_table() -> str:
    """Return the table of verbs for the README."""
    rows = [
        (
            f"`mlmagic {verb.title}`" if verb.shell else "",
            "" if verb.owner == "shell" else f"`{verb.magic or _line(verb)}`",
            verb.help,
        )
        for verb in VERBS
    ]
    return _table(("In a shell", "In a notebook", "What it does"), rows)


def with_table(readme: str) -> str:
    """Return a README with the table between its markers brought up to date.

    Raises:
        ValueError: It has no markers.
    """
    before, _, rest = readme.partition(BEGIN)
    _, found, after = rest.partition(END)
    if not found:
        raise ValueError(f"The README has no '{BEGIN}' and '{END}'.")
    return f"{before}{BEGIN}\n{readme_table()}\n{END}{after}"


def pages(root: Path) -> dict[Path, str]:
    """Return what is generated, by file."""
    readme = root / "README.md"
    made = {root / "docs" / "reference.md": reference()}
    text = readme.read_text(encoding="utf-8") if readme.is_file() else ""
    return made | ({readme: with_table(text)} if BEGIN in text else {})


def main(arguments: Sequence[str]) -> int:
    """Write the pages, or compare them with ``--check``."""
    stale = [
        (path, text)
        for path, text in pages(Path.cwd()).items()
        if not path.is_file() or path.read_text(encoding="utf-8") != text
    ]
    for path, text in stale:
        print(
            f"{path.relative_to(Path.cwd())} is {'stale' if '--check' in arguments else 'written'}"
        )
        if "--check" not in arguments:
            write_atomically(path, text)
    return 1 if stale and "--check" in arguments else 0


def _verb(verb: Verb) -> str:
    names = [f"`{verb.magic}`"] if verb.magic else []
    if verb.shell:
        names += [f"`mlmagic {' '.join(path)}`" for path in (verb.path, *verb.aliases)]
    parts = [
        f"### {verb.title if verb.shell else verb.magic}",
        verb.help,
        f"Written {', '.join(names)}.",
    ]
    if verb.options:
        parts.append(_options(verb.options))
    prefix = "mlmagic " if verb.shell else "%%"
    parts.append("\n".join(["```", *(f"{prefix}{line}" for line in verb.examples), "```"]))
    parts.append(f"Returns: {verb.result}.")
    return "\n\n".join(parts)


def _line(verb: Verb) -> str:
    return f"%ml {verb.title}"


def _options(options: Iterable[Option]) -> str:
    rows = []
    for option in options:
        names = ", ".join(f"`{flag}`" for flag in option.flags) or f"`{option.placeholder}`"
        value = "" if option.kind == "flag" or option.positional else f"`{option.placeholder}`"
        rows.append((names, value, option.help))
    return _table(("Option", "Value", "Meaning"), rows)


def _keys() -> str:
    rows: dict[tuple[str, ...], tuple[Any, ...]] = {}
    for option in next(verb for verb in VERBS if verb.method == "deploy").options:
        if option.section:
            keys = [f"`{key}`" if key else "" for key in (option.key, option.v1_key)]
            rows[(option.section, *keys)] = (option.section, *keys, option.help)
    return _table(("Configuration", "Key", "Azure ML v1's key", "Meaning"), rows.values())


def _settings() -> str:
    told = (
        "Arguments of `Workspace(settings=…)` win over environment variables, these over "
        f"`{FILE_NAME}` in the workspace's folder, these over the defaults. `mlmagic config` shows "
        "every value with its origin."
    )
    rows = [(f"`{name}`", f"`{s.variable}`", s.help) for name, s in Settings.table().items()]
    return f"{told}\n\n{_table(('Setting', 'Variable', 'Meaning'), rows)}"


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(c.replace("|", "\\|") for c in row) + " |" for row in lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
