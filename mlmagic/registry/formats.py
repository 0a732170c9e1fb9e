"""What a model file is, by its content, and whether it may be loaded."""

from __future__ import annotations

import os
import zipfile
from dataclasses import dataclass, field, replace
from typing import IO, TYPE_CHECKING

from mlmagic.errors import RegistryError
from mlmagic.registry.allowlist import is_allowed_type
from mlmagic.registry.callers import strange_in_skops
from mlmagic.registry.frameworks import Described, known
from mlmagic.registry.inspection import Finding, boosters, look_into, onnx_models, saved_models
from mlmagic.registry.metering import Meter
from mlmagic.registry.sources import stamps

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from mlmagic.registry.inspection import Content

# Loaders that read a folder, and nothing in it that could be called.
_FOLDERS = {"spacy", "transformers"}
# Of what others say how it is loaded: what is told by the content of a file, and has been checked
# for it; and what reads data and nothing else.
_BY_CONTENT = {"skops", "pickle", "joblib", "onnx", "keras", "torchscript", "torch-export"}
_DATA_ONLY = {"xgboost", "xgboost-estimator", "lightgbm", "catboost", "spacy"}


@dataclass(frozen=True, kw_only=True)
class Inspection:
    """What one file is, and what in it would need trust.

    Attributes:
        beside: Names in the registry of files that it cannot do without.
    """

    described: Described
    findings: tuple[Finding, ...] = field(default=())
    beside: tuple[str, ...] = ()


def inspect_file(path: Path, name: str) -> Inspection:
    """Recognise a file by its content, and look for what may not be loaded.

    Args:
        path: The file.
        name: Its name in the registry, for messages.
    """
    suffix = path.suffix.lower()
    if suffix == ".skops":
        return inspect_skops(path, name)
    with path.open("rb") as stream:
        size = os.fstat(stream.fileno()).st_size
        content = look_into(stream, size, name)
        described = _described(content, stream, suffix)
        findings = content.findings
        stream.seek(0)
        if path.name == saved_models.NAME:
            told = saved_models.scan(stream, size, name)
            findings = [*findings, *told.findings]
            described = Described(
                framework="tensorflow",
                schema=told.schema,
                facts=told.facts,
                requirements=told.requirements,
            )
        elif path.name == saved_models.KERAS:
            findings = [*findings, *saved_models.scan_keras(stream, size, name)]
        elif path.name == saved_models.TEXT:
            findings = [*findings, saved_models.refuse_text(name)]
        beside: list[str] = []
        if described.loader == "onnx":
            beside, strange = onnx_models.scan(stream, size, name)
            findings = [*findings, *strange]
        findings = [*findings, *boosters.scan(stream, size, name, described.loader)]
    return Inspection(described=described, findings=tuple(findings), beside=tuple(beside))


def _described(content: Content, stream: IO[bytes], suffix: str) -> Described:
    """Say what reads a file: a name that promises something else than the content counts less."""
    if content.pickle is not None:
        modules = content.pickle.modules
        loader = "joblib" if content.pickle.joblib else "pickle"
        return Described(framework=_framework(modules), loader=loader, modules=frozenset(modules))
    if content.is_torch:
        loader = "torch-state"
        if content.is_torchscript:
            loader = "torchscript"
        elif content.is_exported:
            loader = "torch-export"
        return Described(framework="pytorch", loader=loader)
    if "gguf" in content.kinds:
        return Described(framework="gguf", facts=content.facts)
    if suffix in (".json", ".txt", ".model"):
        stream.seek(0)
        return _booster(stream.read(4096))
    return _by_suffix(suffix)


def inspect_files(files: Mapping[str, Path], meter: Meter | None = None) -> Inspection:
    """Recognise the files of one model: name in the registry to file.

    Args:
        files: The files.
        meter: Hears of each file.

    Raises:
        RegistryError: One cannot be read.
    """
    from mlmagic.registry.model_folders import read_parts, recognise

    try:
        told = recognise(files)
        each = dict(_inspected(files, meter or Meter()))
        _check_beside(each)
        merged = merge(each)
        parts = read_parts(files)
    except OSError as error:
        raise RegistryError(
            f"The file '{error.filename}' cannot be read ({error.strerror})."
        ) from error
    if parts is not None:
        return _several(each, merged, parts)
    if told is None:
        return merged
    folder, strange = told
    folder = replace(folder, modules=merged.described.modules)
    described = _opened(folder, each) if folder.file else folder
    return replace(merged, described=described, findings=(*merged.findings, *strange))


def _inspected(files: Mapping[str, Path], meter: Meter) -> Iterator[tuple[str, Inspection]]:
    sizes = {name: size for name, (_, size, _) in stamps(files).items()}
    meter.begin("inspecting", sum(sizes.values()))
    for name, path in files.items():
        meter.check()
        yield name, inspect_file(path, name)
        meter.count(sizes[name])


def _opened(told: Described, each: Mapping[str, Inspection]) -> Described:
    """Say how a folder is loaded of which one file holds the model."""
    found = each[told.file].described if told.file in each else Described()
    loader = found.loader if found.loader in _BY_CONTENT else told.loader
    if loader not in _BY_CONTENT | _DATA_ONLY:
        return replace(told, loader=None)
    inside = told.file.partition("/")[2]
    return replace(told, loader=f"{loader}@{inside}", trusted_types=found.trusted_types)


def _check_beside(each: Mapping[str, Inspection]) -> None:
    """Refuse half a model.

    Raises:
        RegistryError: A file that another one needs is not among them.
    """
    for name, found in each.items():
        for place in found.beside:
            if place not in each:
                raise RegistryError(
                    f"The tensors of '{name}' lie in the file '{place}', which is not given.",
                    hint="Register the folder that holds both.",
                )


def _several(
    each: Mapping[str, Inspection], merged: Inspection, parts: Mapping[str, tuple[str, str]]
) -> Inspection:
    """Take what a folder says of its parts only where their files say the same.

    Raises:
        RegistryError: A part would be read by another loader than the one it was checked for.
    """
    for name, (file, loader) in parts.items():
        found = {known.described.loader for path, known in each.items() if _is_in(path, file)}
        if loader not in found and not (loader in _FOLDERS and found == {None}):
            raise RegistryError(
                f"The part '{name}' is said to be read by '{loader}', but its file '{file}' is"
                " something else.",
                hint="Do not trust where it comes from.",
            )
    types = {name for known in each.values() for name in known.described.trusted_types}
    described = Described(
        framework="multi",
        loader="multi",
        modules=merged.described.modules,
        trusted_types=tuple(sorted(types)),
    )
    return replace(merged, described=described)


def _is_in(path: str, top: str) -> bool:
    return path == top or path.startswith(f"{top}/")


def inspect_skops(path: Path, name: str) -> Inspection:
    """List the types of a skops archive that skops does not trust by itself.

    Those of the allow-list are approved; the others need the user's trust.
    """
    import json

    from skops import io as skops_io

    try:
        types = skops_io.get_untrusted_types(file=path)
        with zipfile.ZipFile(path) as archive:
            schema = json.loads(archive.read("schema.json"))
        acting = list(strange_in_skops(schema))
    except Exception as error:
        raise RegistryError(
            f"The file '{name}' is not a readable skops archive: {error}."
        ) from error
    root = str(schema.get("__module__", "")).partition(".")[0]
    frameworks = {row.module: row.name for row in known().values() if row.module}
    described = Described(
        framework=frameworks.get(root, "scikit-learn"),
        loader="skops",
        modules=frozenset(each.partition(".")[0] for each in _modules(schema)),
        trusted_types=tuple(types),
    )
    strange = tuple(Finding(name=each, file=name) for each in types if not is_allowed_type(each))
    calling = tuple(Finding(name=str(each), file=name, why=why) for each, why in acting)
    return Inspection(described=described, findings=strange + calling)


def merge(inspections: Mapping[str, Inspection]) -> Inspection:
    """Put the files of one model together: a loader is known for a single file only."""
    findings = tuple(found for each in inspections.values() for found in each.findings)
    modules = frozenset().union(*(each.described.modules for each in inspections.values()))
    if len(inspections) == 1:
        (only,) = inspections.values()
        return Inspection(described=only.described, findings=findings)
    frameworks = {each.described.framework for each in inspections.values()} - {"custom"}
    framework = frameworks.pop() if len(frameworks) == 1 else "custom"
    # One file of a folder tells of all: the graph of a SavedModel, the first part of a GGUF model.
    told = next((each.described for each in inspections.values() if each.described.facts), None)
    described = replace(told or Described(), framework=framework, loader=None, modules=modules)
    return Inspection(described=described, findings=findings)


def _modules(node: object) -> set[str]:
    if isinstance(node, list):
        return set().union(*(_modules(item) for item in node)) if node else set()
    if not isinstance(node, dict):
        return set()
    found = {str(node["__module__"])} if "__module__" in node else set()
    return found.union(*(_modules(item) for item in node.values()))


def _framework(modules: set[str]) -> str:
    # A wrapper of one of the first names scikit-learn, too.
    for row in (
        "xgboost",
        "lightgbm",
        "catboost",
        "statsmodels",
        "scikit-learn",
        "pytorch",
        "keras",
    ):
        if known()[row].module in modules:
            return row
    return "custom"


def _by_suffix(suffix: str) -> Described:
    for row in known().values():
        if suffix in row.suffixes:
            return Described(framework=row.name, loader=row.suffixes[suffix])
    return Described()


def _booster(start: bytes) -> Described:
    """Recognise the native files of XGBoost and LightGBM by how they begin."""
    if start.startswith(b"tree\nversion="):
        return Described(framework="lightgbm", loader="lightgbm")
    if start.lstrip().startswith(b"{") and b'"learner"' in start:
        return Described(framework="xgboost", loader="xgboost")
    return Described()
