"""Configurations, environments, requirements and pipelines of a project."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlmagic.azureml.importing.discovering import kind_of_path
from mlmagic.azureml.importing.lines import AZ_ML, Command, commands, joined, judge_line
from mlmagic.azureml.importing.report import Finding, Verdict
from mlmagic.configurations import (
    environment_of_run_configuration,
    parse,
    read_environment_directory,
    take_apart,
)
from mlmagic.configurations.converting import convert
from mlmagic.configurations.reading import read_document
from mlmagic.configurations.v1_environment import fitting_python
from mlmagic.environments.conda import parse_conda
from mlmagic.errors import ConfigurationError, MlmagicError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mlmagic.azureml.importing.discovering import Source
    from mlmagic.azureml.importing.known import Judgement
    from mlmagic.configurations import Configuration

SDK = re.compile(r"\s*(?P<name>azureml-[\w-]+)")
_TITLES = ("displayName", "name", "description", "default")  # they only tell
_ACTION = "Call 'mlmagic' in a step of its own: the action talks to the cloud."
_LOGIN = "Not needed for mlmagic: leave it where other commands of 'az' follow."
_TASK = "The task signs in to Azure first: for mlmagic a plain script step does."
# Steps of workflows and pipelines, by the key they stand under and how they begin.
_STEPS: dict[str, dict[str, tuple[Verdict, str]]] = {
    "uses": {"azure/aml-": ("decide", _ACTION), "azure/login": ("mapped", _LOGIN)},
    "task": {"azurecli@": ("decide", _TASK)},
}


def findings(source: Source, root: Path) -> Iterator[Finding]:
    """Judge a document by its kind."""
    readers: dict[str, Callable[[Source, Path], Iterator[Finding]]] = {
        "inference configuration": _inference,
        "deployment configuration": _deployment,
        "environment": _environment,
        "run configuration": _run_configuration,
        "workspace configuration": _workspace,
        "requirements": _requirements,
        "pipeline": _pipeline,
        "shell script": _shell,
    }
    try:
        yield from readers[source.kind](source, root)
    except MlmagicError as error:
        for text in str(error).splitlines():
            yield _finding(source, "decide", text)


def _finding(source: Source, verdict: Verdict, text: str = "", **more: Any) -> Finding:
    return Finding(
        **{"verdict": verdict, "file": source.name, "what": source.kind, "text": text} | more
    )


def _inference(source: Source, root: Path) -> Iterator[Finding]:
    read = parse("inference", source.text, name=source.name)
    yield from _converted(source, read)
    folder = Path(str(read.given.get("source_directory") or "."))
    script = Path(str(read.given["script"]))
    # Relative to where the command was called: mostly the project's folder, or the file's.
    places = [base / folder / script for base in (root, source.path.parent)]
    if all(kind_of_path(place) != "file" for place in (*places, root / script)):
        text = f"The entry script '{folder / script}' does not exist. Correct the path."
        yield _finding(source, "decide", text, line=read.lines.get("script"))


def _deployment(source: Source, _root: Path) -> Iterator[Finding]:
    yield from _converted(source, parse("deployment", source.text, name=source.name))


def _converted(source: Source, read: Configuration) -> Iterator[Finding]:
    found = convert([read], service="SERVICE")
    cell = found.cell.partition("\n")[0]
    first = f" (after the cell '{cell}' that 'config convert' shows)" if cell else ""
    yield _finding(source, "mapped", f"{found.line}{first}")
    told = {warning.message for warning in read.warnings}
    for warning in read.warnings:
        yield _finding(source, "mapped", warning.message, line=warning.line)
    for note in found.notes:
        if note not in told:
            yield _finding(source, "mapped", note, line=read.lines.get("environment"))


def _environment(source: Source, _root: Path) -> Iterator[Finding]:
    if re.search(r"(?m)^dependencies\s*:", source.text):
        conda = parse_conda(source.text, source=source.name)
        for note in conda.notes:
            yield _finding(source, "mapped", f"{note}.")
        notes: list[str] = []
        fitting_python(_document(source), notes)  # as a deployment does
        for note in notes:
            yield _finding(source, "mapped", f"{note}.")
    elif source.path.name == "azureml_environment.json":
        parts = take_apart(read_environment_directory(source.path.parent), where=source.name)
        for note in parts.notes:
            yield _finding(source, "mapped", f"{note}.")
    else:
        for note in take_apart(_document(source), where=source.name).notes:
            yield _finding(source, "mapped", f"{note}.")
    yield _finding(source, "works")


def _run_configuration(source: Source, _root: Path) -> Iterator[Finding]:
    document = environment_of_run_configuration(source.path)
    for note in take_apart(document, where=source.name).notes:
        yield _finding(source, "mapped", f"{note}.")
    text = "Its environment is taken, '--environment FILE'; the script runs on this machine."
    yield _finding(source, "mapped", text)


def _workspace(source: Source, _root: Path) -> Iterator[Finding]:
    name = _document(source).get("workspace_name")
    where = source.path.parent.name
    if where in (".azureml", "aml_config"):
        yield _finding(source, "works", f"The workspace '{name}' is the project's folder.")
    else:
        text = f"The workspace '{name}' is the folder that has it as '.azureml/config.json'."
        yield _finding(source, "mapped", text)


def _requirements(source: Source, _root: Path) -> Iterator[Finding]:
    for number, _, line in joined(source.text.split("\n")):
        if SDK.match(line):
            text = "Packages of the SDK are not installed: mlmagic takes their place."
            yield _finding(source, "mapped", text, line=number)


def _shell(source: Source, _root: Path) -> Iterator[Finding]:
    yield from _told(source, commands_of(source))


def commands_of(source: Source) -> Iterator[Command]:
    """Find the commands of v1 in a shell script, or in the texts of a pipeline."""
    import yaml

    if source.kind == "shell script":
        yield from commands(source.text)
        return
    try:
        document = yaml.compose(source.text, Loader=yaml.SafeLoader)
    except yaml.YAMLError:
        return  # told where the file is judged
    for node, key in _scalars(document):
        if key not in (*_STEPS, *_TITLES):
            literal = node.style == "|"
            line = node.start_mark.line + 2  # a block begins on the line after its sign
            yield from commands(node.value, line) if literal else _folded(source, node)


def _pipeline(source: Source, _root: Path) -> Iterator[Finding]:
    """Judge a workflow of GitHub or a pipeline of Azure DevOps, wherever its commands stand."""
    import yaml

    _parsed(source)
    if "azuremlschemas" in source.text:
        text = "This is a file of Azure ML v2, and only v1 is read. Write the command's options."
        yield _finding(source, "decide", text)
        return
    for node, key in _scalars(yaml.compose(source.text, Loader=yaml.SafeLoader)):
        line = node.start_mark.line + 1
        for begin, (verdict, text) in _STEPS.get(key, {}).items():
            if node.value.lower().startswith(begin):
                yield _finding(source, verdict, text, line=line, what=node.value)
    yield from _told(source, commands_of(source))


def _folded(source: Source, node: Any) -> Iterator[Command]:
    """Judge a text of which YAML made one line; each command is told on its own line."""
    raw = source.text.split("\n")
    first, last = node.start_mark.line, node.end_mark.line
    lines = [first + n for n, line in enumerate(raw[first : last + 1]) if AZ_ML.search(line)]
    judged = [each for line in node.value.split("\n") for each in judge_line(line)]
    for place, judgement in enumerate(judged):
        number = lines[place] if place < len(lines) else first
        yield Command(line=number + 1, last=number + 1, judgement=judgement)


def _told(source: Source, found: Iterator[Command]) -> Iterator[Finding]:
    for command in found:
        yield finding_of(source.name, command.judgement, line=command.line)


def finding_of(name: str, judgement: Judgement, **place: Any) -> Finding:
    """Make a finding of a judgement.

    Args:
        name: The file.
        judgement: What is said.
        place: ``line`` and ``cell``.
    """
    return Finding(
        verdict=judgement.verdict, file=name, what=judgement.what, text=judgement.text, **place
    )


def _scalars(node: Any, key: str = "") -> Iterator[tuple[Any, str]]:
    """Yield the texts of a document with the keys that they stand under."""
    import yaml

    if isinstance(node, yaml.ScalarNode):
        yield node, key
    elif isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            yield from _scalars(value, str(name.value))
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _scalars(item, key)


def _document(source: Source) -> dict[str, Any]:
    document = _parsed(source)
    if not isinstance(document, dict):
        raise ConfigurationError(f"The file '{source.name}' holds no keys.")
    return document


def _parsed(source: Source) -> Any:
    """Read JSON or YAML.

    Raises:
        ConfigurationError: It is malformed; the message says on which line and column.
    """
    return read_document(source.text, what="It", is_json=source.path.suffix.lower() == ".json")
