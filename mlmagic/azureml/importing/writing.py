"""The project of mlmagic next to one of Azure ML v1: its files, changed where they must be.

Python stays as it is. Notebooks get the cell that lets ``azureml`` be imported and a kernel that
is on every machine, lines of ``az ml``
that ours takes become ``mlmagic``, and what would install the cloud's SDK is commented out.
"""

from __future__ import annotations

import json
import re
import shutil
from typing import TYPE_CHECKING

from mlmagic.azureml.importing import notebooks
from mlmagic.azureml.importing.documents import SDK, commands_of
from mlmagic.azureml.importing.lines import commands, joined, with_ours, without_sdk
from mlmagic.azureml.importing.page import PAGE, page
from mlmagic.errors import ConfigurationError
from mlmagic.files import new_folder
from mlmagic.settings import FILE_NAME
from mlmagic.workspace.roots import Root, holds_configuration

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from mlmagic.azureml.importing.discovering import Source
    from mlmagic.azureml.importing.lines import Command
    from mlmagic.azureml.importing.report import ImportReport

LOAD = "%load_ext mlmagic.azureml"
PYTHON = "python3"  # the kernel that every installation of Jupyter has
_OURS = "mlmagic"
_IDS = 5  # the minor version of the format since which cells have ids
_TARGETS = """\
# What the compute types of Azure ML v1 stand for; 'mlmagic config' shows every setting.
aci_target = "docker"
aks_target = "kubernetes"
# What 'mlmagic' writes without -o, for scripts that read what 'az' wrote.
output = "json"
"""


def write_project(
    report: ImportReport,
    root: Path,
    paths: Iterable[Path],
    sources: Sequence[Source],
    folder: Path,
) -> Path:
    """Write the project into a folder that does not exist yet, whole or not at all.

    Args:
        report: What was found.
        root: The folder of Azure ML v1's project.
        paths: Its files.
        sources: Those of them that have to do with Azure ML v1.
        folder: The folder to make.

    Returns:
        The folder.

    Raises:
        ConfigurationError: It exists, lies in the project itself, or cannot be written.
    """
    target = folder.resolve()
    if target.exists() or target.is_symlink():
        raise ConfigurationError(
            f"The folder '{folder}' exists.", hint="Name another one: nothing is written over."
        )
    if target.is_relative_to(root):
        raise ConfigurationError(
            f"The folder '{folder}' lies in the project itself.", hint="Name one outside of it."
        )
    with new_folder(target, ConfigurationError) as made:
        _fill(made, root, paths, {each.path: each for each in sources})
        if not holds_configuration(made):
            Root(path=made, name=target.name).create()
        if not (made / FILE_NAME).exists():
            (made / FILE_NAME).write_text(_TARGETS, "utf-8")
        (made / PAGE).write_text(page(report), "utf-8")
    return target


def _fill(folder: Path, root: Path, paths: Iterable[Path], sources: dict[Path, Source]) -> None:
    for path in paths:
        place = folder / path.relative_to(root)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, place)
        source = sources.get(path)
        text = changed(source) if source else None
        if source and text is not None and text != source.text:
            place.write_text(text, "utf-8")


def changed(source: Source) -> str | None:
    """Return the text that a file has in the new project; None leaves its bytes alone."""
    if source.kind == "notebook":
        return _notebook(source)
    if source.kind in ("shell script", "pipeline"):
        return _with_ours(source.text, commands_of(source))
    if source.kind == "requirements":
        lines = source.text.split("\n")
        for first, last, whole in joined(lines):
            if SDK.match(whole):
                lines[first - 1 : last] = [f"# {line}" for line in lines[first - 1 : last]]
        return "\n".join(lines)
    return None


def cell_of_ours(
    text: str,
    *,
    command: str = _OURS,
    refused: bool = False,
    on_removal: Callable[[str], object] | None = None,
) -> str:
    """Return a cell with our command in its lines of ``az ml``, and without the cloud's SDK.

    Args:
        text: The cell.
        command: What takes the place of ``az ml``.
        refused: Whether lines change, too, that our command refuses, and says why.
        on_removal: Gets the first package of each line from which the SDK is taken out.
    """
    apart = notebooks.taken_apart(1, text)
    found = list(commands(apart.shell))
    for each in found:
        if on_removal and each.judgement.what.startswith("azureml-"):
            on_removal(each.judgement.what)
    text = _with_ours(text, found, ours=command, refused=refused)
    return _without_sdk(text, found, "pass" if apart.python else ":")


def _with_ours(
    text: str, found: Iterable[Command], *, ours: str = _OURS, refused: bool = False
) -> str:
    """Put our command into the lines of which every command is taken."""
    told: dict[tuple[int, int], set[str]] = {}
    for command in found:
        if command.judgement.what.startswith("az ml"):
            told.setdefault((command.line, command.last), set()).add(command.judgement.verdict)
    lines = text.split("\n")
    for (first, last), verdicts in told.items():
        if refused or verdicts == {"mapped"}:
            new = with_ours("\n".join(lines[first - 1 : last]), ours)
            lines[first - 1 : last] = new.split("\n")
    return "\n".join(lines)


def _without_sdk(text: str, found: Iterable[Command], nothing: str) -> str:
    """Take the cloud's SDK out of the lines that install it, which are comments if that is all.

    Args:
        text: The text.
        found: The commands in it.
        nothing: What does nothing in its language, so that the block of the line is not empty.
    """
    spans = {(c.line, c.last) for c in found if c.judgement.what.startswith("azureml-")}
    lines = text.split("\n")
    for first, last in sorted(spans, reverse=True):  # there may be fewer lines afterwards
        old = lines[first - 1 : last]
        new = without_sdk("\n".join(old))
        if new is None:
            code = old[0].lstrip()
            indent = old[0].removesuffix(code)
            begin = f"{indent}{nothing}  # {code}" if indent else f"# {code}"
            new = "\n".join([begin, *(f"# {line}" for line in old[1:])])
        lines[first - 1 : last] = [new]
    return "\n".join(lines)


def _notebook(source: Source) -> str | None:
    try:
        document = notebooks.load(source.text, source.name)
    except ConfigurationError:
        return None  # told in the report; the file goes along as it is
    kernel, language = notebooks.kernel_of(document)
    if language != "python":
        return None
    if kernel not in ("", PYTHON):
        document["metadata"]["kernelspec"] = {
            "display_name": "Python 3",
            "language": "python",
            "name": PYTHON,
        }
    code = [cell for cell in document["cells"] if cell.get("cell_type") == "code"]
    imports = loads = False
    for cell in code:
        text = notebooks.source_of(cell)
        imports |= re.search(r"(?m)^\s*(from|import)\s+azureml\b", text) is not None
        loads |= LOAD in text
        new = cell_of_ours(text)
        if new != text:
            cell["source"] = new.splitlines(keepends=True)
    if imports and not loads:
        cell = {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": []}
        cell["source"] = [LOAD]
        if (document.get("nbformat"), document.get("nbformat_minor", 0)) >= (4, _IDS):
            cell["id"] = "mlmagic-azureml"
        document["cells"].insert(0, cell)
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"
