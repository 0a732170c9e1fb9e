"""Conda YAML, read as requirements of the package index."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from mlmagic.errors import EnvironmentSetupError

_INDEX_NAMES = {
    "brotli-python": "brotli",
    "dask-core": "dask",
    "lightgbm-cpu": "lightgbm",
    "matplotlib-base": "matplotlib",
    "msgpack-python": "msgpack",
    "opencv": "opencv-python-headless",
    "psycopg2": "psycopg2-binary",
    "py-lightgbm": "lightgbm",
    "py-opencv": "opencv-python-headless",
    "py-xgboost": "xgboost",
    "py-xgboost-cpu": "xgboost",
    "pytables": "tables",
    "python-confluent-kafka": "confluent-kafka",
    "python-flatbuffers": "flatbuffers",
    "python-graphviz": "graphviz",
    "python-kubernetes": "kubernetes",
    "pytorch": "torch",
    "pytorch-cpu": "torch",
    "pytorch-gpu": "torch",
    "tensorflow-base": "tensorflow",
    "tensorflow-gpu": "tensorflow",
    "torchvision-cpu": "torchvision",
    "xgboost-cpu": "xgboost",
}
# Made by Conda's own tools; a service's environment has no place for them.
_NOT_NEEDED = {
    "pip",
    "wheel",
    "conda",
    "cpuonly",
    "blas",
    "mkl",
    "mkl-service",
    "libgcc-ng",
    "libstdcxx-ng",
}
_CONDA_ONLY = re.compile(
    r"(r|perl|java)-.*|r|cuda.*|cudatoolkit|cudnn|nccl|gcc.*|gxx.*|compilers|c-compiler|cxx-compiler"
    r"|nodejs|openjdk|openmpi|mpich|hdf5|netcdf4-c|gdal-.*|libgdal|geos|proj"
    r"|libblas|liblapack|openblas|llvm.*|ffmpeg|graphviz|git|curl|openssl|zlib|lib[a-z0-9]+-ng"
    r"|pytorch-cuda|pytorch-mutex|tini|bzip2|sqlite|readline|ncurses"
)
_SPEC = re.compile(r"(?P<name>[A-Za-z0-9_.-]+)\s*(?P<version>.*)")
_OPERATOR = re.compile(r"(===|==|~=|!=|>=|<=|>|<)")


@dataclass
class CondaEnvironment:
    """What a Conda YAML file asks for.

    Attributes:
        name: Its ``name``, if it has one.
        python_version: From ``python=3.x``.
        requirements: Requirement lines of the Conda part.
        pip: Lines of its ``pip:`` part, which may hold options.
        notes: What was left out, in words.
    """

    name: str | None = None
    python_version: str | None = None
    requirements: list[str] = field(default_factory=list)
    pip: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def parse_conda(text: str, *, source: str) -> CondaEnvironment:
    """Read Conda YAML.

    Args:
        text: The file's content.
        source: What to call it in messages.

    Raises:
        EnvironmentSetupError: It is no Conda YAML, or asks for what only Conda has.
    """
    content = _load(text, source)
    result = CondaEnvironment(name=content.get("name"))
    if channels := content.get("channels"):
        names = ", ".join(str(channel) for channel in channels)
        result.notes.append(f"channels are not used: {names}; packages come from the index")
    for dependency in content.get("dependencies") or ():
        if isinstance(dependency, dict) and set(dependency) == {"pip"}:
            result.pip += [str(line) for line in dependency["pip"] or ()]
        elif isinstance(dependency, str):
            _dependency(dependency, result, source)
        else:
            raise EnvironmentSetupError(
                f"The dependency '{dependency}' in '{source}' is neither a package nor 'pip:'."
            )
    return result


def _load(text: str, source: str) -> dict[str, Any]:
    import yaml

    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or error
        raise EnvironmentSetupError(f"'{source}' is not YAML{where}: {problem}.") from error
    if not isinstance(content, dict) or not isinstance(content.get("dependencies"), list):
        raise EnvironmentSetupError(
            f"'{source}' is no Conda environment.", hint="It needs a list 'dependencies:'."
        )
    return content


def _dependency(spec: str, result: CondaEnvironment, source: str) -> None:
    text = spec.split("#", maxsplit=1)[0].strip()
    text = re.sub(r"\[.*\]$", "", text.rpartition("::")[2])
    match = _SPEC.fullmatch(text)
    if match is None:
        raise EnvironmentSetupError(f"The dependency '{spec}' in '{source}' is not understood.")
    name = match["name"].lower()
    version = _version(match["version"].strip(), spec, source)
    if name == "python":
        result.python_version = _python(version)
    elif name in _NOT_NEEDED:
        return
    elif name not in _INDEX_NAMES and _CONDA_ONLY.fullmatch(name):
        raise EnvironmentSetupError(
            f"The package '{name}' in '{source}' exists only for Conda.",
            hint="Remove it, or list under 'pip:' a package of the index that brings the same.",
        )
    else:
        result.requirements.append(_INDEX_NAMES.get(name, name) + version)


def _version(text: str, spec: str, source: str) -> str:
    if "|" in text:
        raise EnvironmentSetupError(
            f"The dependency '{spec}' in '{source}' offers alternatives, which requirements "
            "cannot express.",
            hint="Choose one version.",
        )
    if not text or text == "*":
        return ""
    parts = text.replace(" =", "=").split(",")
    return ",".join(_part(part.strip()) for part in parts)


def _part(text: str) -> str:
    if match := _OPERATOR.match(text):
        operator, rest = match[0], text[match.end() :].strip()
        return operator + (rest.split()[0].partition("=")[0] if rest else "")
    fuzzy = text.startswith("=")
    pieces = re.split(r"[= ]+", text.lstrip("= "))
    # 'name=1.2' means any 1.2.x; a build after it ('name=1.2=py_0') means this very one.
    exact = len(pieces) > 1 or not fuzzy or pieces[0].endswith("*")
    return f"=={pieces[0]}" if exact else f"=={pieces[0]}.*"


def _python(version: str) -> str | None:
    match = re.search(r"\d+\.\d+", version)
    return match[0] if match and version.startswith(("==", "~=")) else None
