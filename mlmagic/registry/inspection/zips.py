"""Zip archives: torch's, Keras', NumPy's, and whatever else comes as one."""

from __future__ import annotations

import re
import shutil
import tempfile
import zipfile
from pathlib import PurePosixPath
from typing import IO, TYPE_CHECKING, cast

from mlmagic.files import PIECE
from mlmagic.registry.inspection import keras_models
from mlmagic.registry.inspection.findings import Finding
from mlmagic.registry.pickles import scan_stream

if TYPE_CHECKING:
    from collections.abc import Collection

_IN_MEMORY = 64 << 20
_ENCRYPTED = 0x1
_STORAGE = re.compile(r"[0-9]+")
# A member that is larger than this and that much larger than its compressed form is a bomb.
_LARGE = 256 << 20
_RATIO = 200


def scan(stream: IO[bytes], name: str, depth: int) -> tuple[tuple[str, ...], list[Finding]]:
    """Look into a zip archive.

    Returns:
        The names of its members, and what needs trust.
    """
    findings: list[Finding] = []
    with zipfile.ZipFile(stream) as archive:
        members = [each for each in archive.infolist() if not each.is_dir()]
        names = tuple(each.filename for each in members)
        findings += _strange(members, name)
        if findings:
            return names, findings
        findings += _programs(names, name)
        torch, scripted = is_torch_state(names), is_torchscript(names)
        tops = {each.removesuffix("data.pkl") for each in names if each.endswith("/data.pkl")}
        for member in members:
            top, _, storage = member.filename.rpartition("data/")
            if top in tops and _STORAGE.fullmatch(storage):
                archive.open(member).close()  # numbers; its header has to be that of the directory
                continue
            findings += _member(archive, member, name, depth, torch=torch, scripted=scripted)
        if keras_models.CONFIGURATION in names and is_keras(names, name):
            findings += keras_models.scan_archive(archive, name)
    return names, findings


def is_keras(names: Collection[str], name: str) -> bool:
    """Say whether Keras would read an archive."""
    return name.endswith(".keras") or {keras_models.CONFIGURATION, "metadata.json"} <= set(names)


def _strange(members: list[zipfile.ZipInfo], name: str) -> list[Finding]:
    """Find what readers of zip archives disagree on, or cannot hold."""
    findings, seen = [], set()
    for member in members:
        inner, why = f"{name}/{member.filename}", ""
        if member.filename.casefold() in seen:
            why = "the archive has this name twice, so its reader decides which one counts"
        elif leads_out(member.filename):
            why = "the name leads out of the folder where it is unpacked"
        elif member.flag_bits & _ENCRYPTED:
            why = "it is encrypted, so it cannot be checked"
        elif member.file_size > max(_LARGE, _RATIO * member.compress_size):
            why = f"{member.compress_size} bytes unpack to {member.file_size}"
        seen.add(member.filename.casefold())
        if why:
            findings.append(Finding(name=member.filename, file=inner, why=why))
    return findings


def _member(
    archive: zipfile.ZipFile,
    member: zipfile.ZipInfo,
    name: str,
    depth: int,
    *,
    torch: bool,
    scripted: bool,
) -> list[Finding]:
    inner = f"{name}/{member.filename}"
    if scripted and (member.filename.endswith(".pkl") or "/code/" in f"/{member.filename}"):
        return []  # parts of the program, for torch's own reader
    with archive.open(member) as opened:
        if torch and member.filename.endswith(".pkl"):
            problems = scan_stream(opened, torch=True).problems
            return [
                Finding(name=bad.name, file=inner, position=bad.position, why=bad.why)
                for bad in problems
            ]
        return _other(opened, member, inner, depth)


def _other(opened: IO[bytes], member: zipfile.ZipInfo, inner: str, depth: int) -> list[Finding]:
    from mlmagic.registry.inspection.content import look_into

    if not inner.endswith((".h5", ".hdf5")):
        return look_into(opened, member.file_size, inner, depth=depth + 1).findings
    # Its reader jumps about, which a stream of a zip does slowly.
    with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as spool:
        shutil.copyfileobj(opened, spool, PIECE)
        spool.seek(0)
        return look_into(
            cast("IO[bytes]", spool), member.file_size, inner, depth=depth + 1
        ).findings


def leads_out(name: str) -> bool:
    """Say whether a name of an archive lies elsewhere than below its folder."""
    path = PurePosixPath(name.replace("\\", "/"))
    return path.is_absolute() or ".." in path.parts or ":" in path.parts[0]


def is_torch_state(names: Collection[str]) -> bool:
    """Say whether an archive holds what ``torch.save`` wrote."""
    return any(each.endswith("/data.pkl") for each in names)


def is_torchscript(names: Collection[str]) -> bool:
    """Say whether an archive holds a program of TorchScript."""
    return any("/code/" in f"/{each}" for each in names)


def is_exported(names: Collection[str]) -> bool:
    """Say whether an archive holds a program of ``torch.export``."""
    tails = {each.rpartition("/")[2] for each in names}
    return bool(tails & {"archive_format", "serialized_exported_program.json"})


def _programs(names: tuple[str, ...], name: str) -> list[Finding]:
    """Report programs: their operators read and write files, and look up names."""
    if is_torchscript(names):
        why = "a program can read and write files where it is loaded"
        return [Finding(name="TorchScript", file=name, why=why)]
    if is_exported(names):
        why = "a program names the functions that it calls, and its sizes are evaluated as text"
        return [Finding(name="torch.export", file=name, why=why)]
    return []
