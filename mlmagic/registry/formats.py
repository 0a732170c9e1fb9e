"""What a model file is, by its name and first bytes, and whether it may be loaded."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mlmagic.errors import RegistryError
from mlmagic.registry.allowlist import is_allowed_type
from mlmagic.registry.frameworks import FRAMEWORKS, Described

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_PICKLES = {".pkl", ".pickle", ".joblib", ".pck", ".p", ".sav"}
_TORCH = {".pt", ".pth", ".ckpt"}
_BY_SUFFIX = {
    ".onnx": Described(framework="onnx", loader="onnx"),
    ".keras": Described(framework="keras", loader="keras"),
    ".h5": Described(framework="keras", loader="keras"),
    ".ubj": Described(framework="xgboost", loader="xgboost"),
}


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Something outside the allow-list.

    Attributes:
        name: The global or type, ``module.name``.
        file: Name of the file.
        position: Byte in the file (decompressed), where it has one.
        why: What is wrong, where it is not the name alone.
    """

    name: str
    file: str
    position: int | None = None
    why: str = ""


@dataclass(frozen=True, kw_only=True)
class Inspection:
    """What one file is, and what in it would need trust."""

    described: Described
    findings: tuple[Finding, ...] = field(default=())


def inspect_file(path: Path, name: str) -> Inspection:
    """Recognise a file and look for what may not be loaded.

    Args:
        path: The file.
        name: Its name in the registry, for messages.
    """
    suffix = path.suffix.lower()
    if suffix == ".skops":
        return inspect_skops(path, name)
    if suffix in _TORCH and zipfile.is_zipfile(path):
        return _inspect_torch(path, name)
    if suffix in _PICKLES | _TORCH or _looks_pickled(path):
        return _inspect_pickle(path, name)
    if suffix in (".json", ".txt", ".model"):
        return Inspection(described=_booster(path))
    return Inspection(described=_BY_SUFFIX.get(suffix, Described()))


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
    except Exception as error:
        raise RegistryError(
            f"The file '{name}' is not a readable skops archive: {error}."
        ) from error
    root = str(schema.get("__module__", "")).partition(".")[0]
    frameworks = {row.module: row.name for row in FRAMEWORKS.values() if row.module}
    described = Described(
        framework=frameworks.get(root, "scikit-learn"),
        loader="skops",
        modules=frozenset(each.partition(".")[0] for each in _modules(schema)),
        trusted_types=tuple(types),
    )
    strange = tuple(Finding(name=each, file=name) for each in types if not is_allowed_type(each))
    return Inspection(described=described, findings=strange)


def merge(inspections: Mapping[str, Inspection]) -> Inspection:
    """Put the files of one model together: a loader is known for a single file only."""
    findings = tuple(found for each in inspections.values() for found in each.findings)
    modules = frozenset().union(*(each.described.modules for each in inspections.values()))
    if len(inspections) == 1:
        (only,) = inspections.values()
        return Inspection(described=only.described, findings=findings)
    frameworks = {each.described.framework for each in inspections.values()} - {"custom"}
    framework = frameworks.pop() if len(frameworks) == 1 else "custom"
    return Inspection(described=Described(framework=framework, modules=modules), findings=findings)


def _modules(node: object) -> set[str]:
    if isinstance(node, list):
        return set().union(*(_modules(item) for item in node)) if node else set()
    if not isinstance(node, dict):
        return set()
    found = {str(node["__module__"])} if "__module__" in node else set()
    return found.union(*(_modules(item) for item in node.values()))


def _inspect_pickle(path: Path, name: str) -> Inspection:
    from mlmagic.registry.pickles import scan_file

    scan = scan_file(path)
    return Inspection(
        described=Described(
            framework=_framework(scan.modules),
            loader="joblib" if scan.joblib else "pickle",
            modules=frozenset(scan.modules),
        ),
        findings=tuple(
            Finding(name=bad.name, file=name, position=bad.position, why=bad.why)
            for bad in scan.problems
        ),
    )


def _inspect_torch(path: Path, name: str) -> Inspection:
    from mlmagic.registry.pickles import scan_stream

    findings: list[Finding] = []
    with zipfile.ZipFile(path) as archive:
        members = archive.namelist()
        scripted = any("/code/" in member for member in members)
        for member in members:
            if not member.endswith(".pkl") or scripted:
                continue
            with archive.open(member) as stream:
                scan = scan_stream(stream, torch=True)
            inner = f"{name}/{member}"
            findings += [
                Finding(name=bad.name, file=inner, position=bad.position, why=bad.why)
                for bad in scan.problems
            ]
    loader = "torchscript" if scripted else "torch-state"
    return Inspection(
        described=Described(framework="pytorch", loader=loader), findings=tuple(findings)
    )


def _looks_pickled(path: Path) -> bool:
    """Tell a pickle of protocol 2 or later by its first and last byte, whatever its name."""
    with path.open("rb") as stream:
        start = stream.read(2)
        if len(start) < 2 or start[0] != 0x80 or not 2 <= start[1] <= 5:  # noqa: PLR2004 - PROTO
            return False
        stream.seek(-1, 2)
        return stream.read(1) == b"."


def _framework(modules: set[str]) -> str:
    for row in ("xgboost", "lightgbm", "scikit-learn", "pytorch", "keras"):
        if FRAMEWORKS[row].module in modules:
            return row
    return "custom"


def _booster(path: Path) -> Described:
    """Recognise the native files of XGBoost and LightGBM by how they begin."""
    with path.open("rb") as stream:
        start = stream.read(4096)
    if start.startswith(b"tree\nversion="):
        return Described(framework="lightgbm", loader="lightgbm")
    if start.lstrip().startswith(b"{") and b'"learner"' in start:
        return Described(framework="xgboost", loader="xgboost")
    return Described()
