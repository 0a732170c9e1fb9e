"""Configuration files as Azure ML v1 writes them, from what was chosen here."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from mlmagic.configurations.expanding import expand
from mlmagic.configurations.quantities import cpu_cores, memory_bytes
from mlmagic.options import configuration_options

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mlmagic.options import Option

Format = Literal["json", "yaml"]

_SUFFIXES: dict[Format, str] = {"json": "json", "yaml": "yml"}
_GIGABYTE, _MEGABYTE = 10**9, 10**6
_CONDA = (".yml", ".yaml")
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
    """Configuration files that say what was chosen.

    Attributes:
        files: File names to texts, ``inferenceconfig`` and ``deploymentconfig`` as in v1; one that
            would say nothing is left out.
        used: The keywords of ``Workspace.deploy`` that the files say.
        ours: Keys of the files that v1 does not know.
    """

    files: dict[str, str]
    used: frozenset[str]
    ours: tuple[str, ...]


def write_configurations(
    values: Mapping[str, Any],
    *,
    compute_type: str,
    compute_names: Mapping[str, str],
    kind: Format = "json",
) -> WrittenConfiguration:
    """Write the configuration files of v1 that say what keywords of ``deploy`` say.

    Environment variables are left out, as their values may be secrets; so are keys and secrets.

    Args:
        values: Keywords of ``Workspace.deploy``.
        compute_type: The kind of the target, ``local``, ``docker`` or ``kubernetes``.
        compute_names: Targets to v1's words for them, such as ``local`` to ``local``.
        kind: ``json`` or ``yaml``.

    Raises:
        ConfigurationError: Values contradict each other.
    """
    inference = _inference(values)
    deployment, ours = _deployment(values, compute_type, compute_names)
    documents = {"inferenceconfig": inference, "deploymentconfig": deployment}
    rows = configuration_options("inference") | configuration_options("deployment")
    known = {option.name for option in rows.values() if not _stays(option)}
    used = known - {*(() if inference else ("environment", "source_directory"))}
    return WrittenConfiguration(
        files={
            f"{name}.{_SUFFIXES[kind]}": _text(document, kind)
            for name, document in documents.items()
            if document
        },
        used=frozenset(used & values.keys()),
        ours=ours,
    )


def _stays(option: Option) -> bool:
    """Whether it stays on the line."""
    return option.private or option.secret or option.name == "secrets"


def _inference(values: Mapping[str, Any]) -> dict[str, Any]:
    if "script" not in values:
        return {}  # v1's file is nothing without one
    environment = values.get("environment")
    key = "condaFile" if environment and f"{environment}".endswith(_CONDA) else "environment"
    found = {
        "entryScript": values["script"],
        "sourceDirectory": values.get("source_directory"),
        key: environment,
    }
    return {key: f"{value}" for key, value in found.items() if value}


def _deployment(
    values: Mapping[str, Any], compute_type: str, compute_names: Mapping[str, str]
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The document, and its keys that v1 does not know."""
    rows = configuration_options("deployment").values()
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
