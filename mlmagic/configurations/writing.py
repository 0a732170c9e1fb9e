"""Configurations that say what was chosen here: cells, and files as Azure ML v1 writes them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Literal

from mlmagic.configurations.configurations import KeptConfiguration
from mlmagic.configurations.expanding import expand
from mlmagic.configurations.quantities import cpu_cores, memory_bytes
from mlmagic.options import configuration_options

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mlmagic.configurations.v1_keys import Section
    from mlmagic.options import Option

Format = Literal["cell", "json", "yaml"]

_GIGABYTE, _MEGABYTE = 10**9, 10**6
_CONDA = (".yml", ".yaml")
_SECTIONS: tuple[Section, ...] = ("inference", "deployment")
_RESOURCES = "containerResourceRequirements"


def _cores(value: str) -> float:
    """CPUs as a number; whole ones are read back as they were written."""
    number = cpu_cores(value)
    return int(number) if number.is_integer() else number


def _whole_megabytes(value: str) -> float | None:
    """Memory in v1's unit; None where its three decimals would round it."""
    size = memory_bytes(value)
    return None if size % _MEGABYTE else size / _GIGABYTE


# Ours that v1 has in another unit or word: name to its key, and what makes v1's value.
_CONVERTED: dict[str, tuple[str, Callable[[str], Any]]] = {
    "auth": ("authEnabled", lambda value: value == "key"),
    "cpu": (f"{_RESOURCES}.cpu", _cores),
    "cpu_limit": (f"{_RESOURCES}.cpuLimit", _cores),
    "gpus": ("gpuCores", lambda value: int(value) if value.isdigit() else None),
    "memory": (f"{_RESOURCES}.memoryInGB", _whole_megabytes),
    "memory_limit": (f"{_RESOURCES}.memoryInGBLimit", _whole_megabytes),
}


@dataclass(frozen=True, kw_only=True)
class WrittenConfiguration:
    """Configurations that say what was chosen.

    Attributes:
        parts: The inference and the deployment configuration; one that would say nothing is left
            out, and so is one in whose place another is named.
        used: The keywords of ``Workspace.deploy`` that they say.
        ours: Keys of v1's files that v1 does not know.
    """

    parts: tuple[KeptConfiguration, ...]
    used: frozenset[str]
    ours: tuple[str, ...]


def write_configurations(
    values: Mapping[str, Any],
    *,
    compute_type: str,
    compute_names: Mapping[str, str],
    kind: Format = "json",
) -> WrittenConfiguration:
    """Write the configurations that say what keywords of ``deploy`` say.

    Environment variables are left out, as their values may be secrets; so are keys and secrets.

    Args:
        values: Keywords of ``Workspace.deploy``.
        compute_type: The kind of the target, ``local``, ``docker`` or ``kubernetes``.
        compute_names: Targets to v1's words for them, such as ``local`` to ``local``.
        kind: ``json`` or ``yaml`` for v1's files; ``cell`` for the text of cells in our words,
            which say the same to the letter.

    Raises:
        ConfigurationError: Values contradict each other.
    """
    ours: tuple[str, ...] = ()
    if kind == "cell":
        documents = {each: _in_our_words(values, each, compute_type) for each in _SECTIONS}
    else:
        deployment, ours = _deployment(values, compute_type, compute_names)
        documents = {"inference": _inference(values), "deployment": deployment}
    if "script" not in values:
        documents["inference"] = {}  # it is nothing without one
    parts = tuple(
        KeptConfiguration(name=_name(each, values, kind), kind=each, text=_text(document, kind))
        for each, document in documents.items()
        # What is written over a configuration that is named stays on the line.
        if document and f"{each}_config" not in values
    )
    said = {row.name for part in parts for row in _rows(part.kind) if not _stays(row)}
    return WrittenConfiguration(
        parts=parts,
        used=frozenset(said & values.keys()),
        ours=ours if any(part.kind == "deployment" for part in parts) else (),
    )


def _name(section: Section, values: Mapping[str, Any], kind: Format) -> str:
    if kind == "cell":
        return f"{values['name']}-{section}"
    return f"{section}config.{'json' if kind == 'json' else 'yml'}"


def _rows(section: Section) -> list[Option]:
    return list(configuration_options(section).values())


def _in_our_words(values: Mapping[str, Any], section: Section, compute_type: str) -> dict[str, Any]:
    """The document as a line says it: in one spelling, without units of v1."""
    rows = [row for row in _rows(section) if row.convert is None and not _stays(row)]
    keys = {row.name: row.key or row.name for row in rows}
    fields = expand({name: values[name] for name in keys if name in values}, compute_type)
    return {keys[name]: _plain(value) for name, value in fields.items()}


def _plain(value: Any) -> Any:
    """As YAML writes it."""
    if isinstance(value, PurePath):
        return f"{value}"
    return list(value) if isinstance(value, tuple) else value


def _stays(option: Option) -> bool:
    """Whether it stays on the line."""
    return option.private or option.secret or option.name == "secrets"


def _inference(values: Mapping[str, Any]) -> dict[str, Any]:
    environment = values.get("environment")
    key = "condaFile" if environment and f"{environment}".endswith(_CONDA) else "environment"
    found = {
        "entryScript": values.get("script"),
        "sourceDirectory": values.get("source_directory"),
        key: environment,
    }
    return {key: f"{value}" for key, value in found.items() if value}


def _deployment(
    values: Mapping[str, Any], compute_type: str, compute_names: Mapping[str, str]
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The document, and its keys that v1 does not know."""
    rows = _rows("deployment")
    apart = {"target", *(row.name for row in rows if _stays(row))}
    given = {row.name: values[row.name] for row in rows if row.name in values}
    found: dict[str, Any] = {}
    target = values.get("target", "")
    if target in compute_names:
        found["computeType"] = compute_names[target]
    elif target:
        found["computeTargetName"] = target
    fields = expand({key: value for key, value in given.items() if key not in apart}, compute_type)
    if found.get("computeType") == "local":
        fields.setdefault("auth", "key")  # what such a file says where it says nothing is v1's
    if "autoscale_max" in fields and "replicas" not in fields:
        fields["autoscale_enabled"] = True
    ours = []
    for name, value in fields.items():
        key, convert = _CONVERTED.get(name, ("", _nothing))
        if (converted := convert(value)) is not None:
            _put(found, key, converted)
            continue
        row = next(row for row in rows if row.name == name and row.convert is None)
        key = row.v1_key if row.v1_key and name not in _CONVERTED else row.key or name
        if key != row.v1_key:
            ours.append(key)
        _put(found, key, list(value) if row.repeat else value)
    return found, tuple(ours)


def _nothing(_value: str) -> None:
    return None


def _put(document: dict[str, Any], key: str, value: Any) -> None:
    *path, last = key.split(".")
    for name in path:
        document = document.setdefault(name, {})
    document[last] = value


def _text(document: dict[str, Any], kind: Format) -> str:
    if kind == "json":
        return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    import yaml

    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True)
