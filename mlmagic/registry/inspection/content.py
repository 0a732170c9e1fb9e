"""Which kinds of file a content is, and what each kind has to say of it."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING

from mlmagic.errors import RegistryError
from mlmagic.registry.inspection import arrays_on_disk, gguf, hdf5, pickled, safetensors, tars, zips
from mlmagic.registry.inspection.findings import Finding

if TYPE_CHECKING:
    from mlmagic.registry.pickle_machine import Scan

# Names that say that joblib, pandas or pickle wrote it.
PICKLES = (".pkl", ".pickle", ".joblib", ".pck", ".p", ".sav")
_HEAD = 16
# An archive in an archive is looked into; what is deeper is refused.
_DEEPEST = 3
_ZIP = b"PK\x03\x04"


@dataclass(kw_only=True)
class Content:
    """What a file is.

    Attributes:
        kinds: Such as ``zip`` or ``pickle``; a file made to deceive has more than one.
        members: Names in the zip that it is.
        pickle: What the pickle that it is names.
        facts: What it says of itself.
        findings: What needs trust.
    """

    kinds: set[str] = field(default_factory=set)
    members: tuple[str, ...] = ()
    pickle: Scan | None = None
    facts: dict[str, str] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    @property
    def is_torchscript(self) -> bool:
        """Whether it is a program of TorchScript."""
        return zips.is_torchscript(self.members)

    @property
    def is_exported(self) -> bool:
        """Whether it is a program of ``torch.export``."""
        return zips.is_exported(self.members)

    @property
    def is_torch(self) -> bool:
        """Whether torch wrote it."""
        state = zips.is_torch_state(self.members)
        return state or self.is_torchscript or self.is_exported


def look_into(stream: IO[bytes], size: int, name: str, *, depth: int = 0) -> Content:
    """Find out what a content is and what in it needs trust.

    Args:
        stream: Seekable, at its start.
        size: How many bytes it has.
        name: Its name in the registry, for messages.
        depth: In how many archives it lies.
    """
    found = Content()
    head = stream.read(_HEAD)
    stream.seek(0)
    pickle = name.lower().endswith(PICKLES)
    _archive(found, stream, head, name, depth)
    if hdf5.begins(stream, size, behind_block=depth == 0 or name.endswith(".h5")):
        found.kinds.add("hdf5")
        found.findings += hdf5.scan(stream, size, name)
    stream.seek(0)
    if head.startswith(arrays_on_disk.MAGIC):
        found.kinds.add("npy")
        found.findings += arrays_on_disk.scan(stream, size, name)
    elif head.startswith(gguf.MAGIC):
        found.kinds.add("gguf")
        findings, found.facts = gguf.scan(stream, size, name)
        found.findings += findings
    elif safetensors.begins(head) or name.endswith(".safetensors"):
        found.kinds.add("safetensors")
        found.findings += safetensors.scan(stream, size, name)
    elif pickle or "zip" not in found.kinds or not head.startswith(_ZIP):
        _pickle(found, stream, name, expected=pickle)
    containers = found.kinds & {"zip", "hdf5", "npy", "pickle", "tar", "gguf"}
    if len(containers) > 1:
        both = " and ".join(f"'{kind}'" for kind in sorted(containers))
        found.findings.insert(
            0,
            Finding(
                name=both, file=name, why="it is both at once, so its reader decides what it is"
            ),
        )
    return found


def _pickle(found: Content, stream: IO[bytes], name: str, *, expected: bool) -> None:
    scan = pickled.scan(stream, expected=expected and "zip" not in found.kinds)
    if scan is None:
        return
    found.kinds.add("pickle")
    found.pickle = scan
    found.findings += [
        Finding(name=bad.name, file=name, position=bad.position, why=bad.why)
        for bad in scan.problems
    ]


def _archive(found: Content, stream: IO[bytes], head: bytes, name: str, depth: int) -> None:
    """Look into a zip or tar, and into what it holds."""
    zipped = head.startswith(_ZIP) or (depth == 0 and zipfile.is_zipfile(stream))
    stream.seek(0)
    if not zipped and not tars.begins(stream):
        return
    found.kinds.add("zip" if zipped else "tar")
    if depth == _DEEPEST:
        why = f"an archive in {depth} archives is not looked into"
        found.findings.append(Finding(name="archive", file=name, why=why))
        return
    try:
        if zipped:
            found.members, found.findings = zips.scan(stream, name, depth)
        else:
            found.findings = tars.scan(stream, name, depth)
    except RegistryError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever the reader finds, another may not mind
        why = f"it cannot be read to its end ({error})"
        found.findings.append(Finding(name="archive", file=name, why=why))
    stream.seek(0)
