"""Files that a script opens by a literal path, and whether they will be there in a service."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from mlmagic.entities import Problem

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from mlmagic.scripts.regions import Regions

_HOME = re.compile(r"(~|/home/[^/]+|/Users/[^/]+|/root)(/|$)|[A-Za-z]:[\\/]Users[\\/]")
_READERS = frozenset({
    "open", "io.open", "codecs.open", "numpy.load", "numpy.loadtxt", "numpy.genfromtxt",
    "numpy.fromfile", "joblib.load", "torch.load", "torch.jit.load", "skops.io.load",
    "onnxruntime.InferenceSession", "onnx.load", "keras.models.load_model",
    "keras.saving.load_model", "tensorflow.keras.models.load_model", "h5py.File",
    "pandas.HDFStore", "PIL.Image.open",
})  # fmt: skip
_READER_PATTERN = re.compile(
    r"(pandas|polars|geopandas)\.(read|scan)_(?!sql|gbq|clipboard|database)\w+"
)
_PATHS = frozenset({"pathlib.Path", "pathlib.PosixPath", "pathlib.PurePath"})
_PATH_READS = frozenset({"open", "read_text", "read_bytes"})
_MODEL_FOLDER = "azureml-models"


@dataclass(frozen=True, kw_only=True)
class _Opened:
    path: str
    line: int
    column: int


def check_data_files(
    tree: ast.Module,
    regions: Regions,
    *,
    source_directory: Path | None,
    travelling: Collection[str] = (),
) -> Iterator[Problem]:
    """Yield warnings for files that the service will not find.

    Args:
        tree: The script's syntax tree.
        regions: Where a missing file does no harm.
        source_directory: The folder that travels whole, if one was given.
        travelling: Without one, the paths of the local modules that travel.
    """
    for opened in _opened(tree):
        if regions.file_may_fail((opened.line, opened.column)):
            continue
        message = _judge(opened.path, source_directory, travelling)
        if message:
            code = "home-path" if _HOME.match(opened.path) else "data-file"
            yield Problem(code=code, message=message, line=opened.line, severity="warning")


def _judge(path: str, source_directory: Path | None, travelling: Collection[str]) -> str | None:
    """Say what is wrong with a path, if anything is."""
    if "://" in path or not path:
        return None
    if _HOME.match(path):
        return (
            f"The path '{path}' exists only in your home folder. Register the file with "
            "%register, or put it beside the script and open Path(__file__).parent / …"
        )
    inside = PurePosixPath(path.replace("\\", "/"))
    if inside.is_absolute() or re.match(r"[A-Za-z]:", path) or inside.parts[:1] == (_MODEL_FOLDER,):
        return None
    if source_directory is None:
        if str(inside) in travelling:
            return None
        return (
            f"The file '{path}' will not travel: without a source directory only the script and "
            "the modules it imports do. Register it with %register, or give --source-dir and "
            "open Path(__file__).parent / …"
        )
    return _judge_inside(path, inside, source_directory)


def _judge_inside(path: str, inside: PurePosixPath, folder: Path) -> str | None:
    """Judge a relative path against a source directory, which lies below the app root."""
    name = folder.resolve().name
    if inside.parts[:1] == (name,) and (folder / PurePosixPath(*inside.parts[1:])).exists():
        return None
    if (folder / inside).exists() and ".." not in inside.parts:
        return (
            f"The file '{path}' travels, but a service runs in the folder above the source "
            f"directory. Open Path(__file__).parent / …, or '{name}/{inside}'."
        )
    return (
        f"The file '{path}' is not in the source directory '{folder}' and will not travel. "
        "Put it there, or register it with %register."
    )


def _opened(tree: ast.Module) -> Iterator[_Opened]:
    names = _imported_names(tree)
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        argument = _path_argument(node, names)
        path = _literal(argument, names) if argument is not None else None
        if path is not None:
            yield _Opened(path=path, line=node.lineno, column=node.col_offset)


def _path_argument(node: ast.Call, names: dict[str, str]) -> ast.expr | None:
    """Return what a call opens for reading, if it opens something."""
    called = node.func
    if isinstance(called, ast.Attribute) and called.attr in _PATH_READS:
        opens_path = _literal(called.value, names) is not None
        if opens_path and not (called.attr == "open" and _writes(node, position=0)):
            return None if isinstance(called.value, ast.Constant) else called.value
    name = _dotted(called, names)
    if name not in _READERS and not _READER_PATTERN.fullmatch(name):
        return None
    if name.endswith("open") and _writes(node, position=1):
        return None
    keywords = {item.arg: item.value for item in node.keywords}
    named = next((keywords[key] for key in _PATH_KEYWORDS if key in keywords), None)
    return node.args[0] if node.args else named


_PATH_KEYWORDS = ("file", "filename", "filepath_or_buffer", "path", "path_or_buf", "io", "f")


def _writes(node: ast.Call, *, position: int) -> bool:
    mode = next((item.value for item in node.keywords if item.arg == "mode"), None)
    if mode is None and len(node.args) > position:
        mode = node.args[position]
    text = mode.value if isinstance(mode, ast.Constant) else ""
    return isinstance(text, str) and any(letter in text for letter in "wax")


def _literal(node: ast.expr, names: dict[str, str]) -> str | None:
    """Evaluate a path made of literals only: a string, ``Path()``, ``/``, ``os.path.join()``."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        return _joined([node.left, node.right], names)
    if isinstance(node, ast.Call):
        name = _dotted(node.func, names)
        if name in _PATHS or name == "os.path.join":
            return _joined(node.args, names)
        if name == "os.path.expanduser" and len(node.args) == 1:
            return _literal(node.args[0], names)
        if isinstance(node.func, ast.Attribute) and node.func.attr == "expanduser":
            return _literal(node.func.value, names)
    return None


def _joined(parts: list[ast.expr], names: dict[str, str]) -> str | None:
    found = [_literal(part, names) for part in parts]
    texts = [text for text in found if text is not None]
    return "/".join(texts) if texts and len(texts) == len(found) else None


def _dotted(node: ast.expr, names: dict[str, str]) -> str:
    """Return the full name of what is called, through the script's imports."""
    if isinstance(node, ast.Name):
        return names.get(node.id, node.id)
    if isinstance(node, ast.Attribute):
        base = _dotted(node.value, names)
        return f"{base}.{node.attr}" if base else ""
    return ""


def _imported_names(tree: ast.Module) -> dict[str, str]:
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.asname: alias.name for alias in node.names if alias.asname}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            for alias in node.names:
                names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return names
