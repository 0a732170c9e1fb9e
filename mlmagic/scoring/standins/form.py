"""Forms and the files in them."""

from __future__ import annotations

import io
from email.message import Message
from email.parser import BytesHeaderParser
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from urllib.parse import parse_qsl

if TYPE_CHECKING:
    from collections.abc import Iterable

T = TypeVar("T")


class MultiDict(dict[str, T], Generic[T]):
    """The first value by name; a name may have several."""

    def __init__(self, pairs: Iterable[tuple[str, T]] = ()) -> None:
        super().__init__()
        self._all: dict[str, list[T]] = {}
        for name, value in pairs:
            self.setdefault(name, value)
            self._all.setdefault(name, []).append(value)

    def getlist(self, name: str) -> list[T]:
        """Return all values of a name."""
        return list(self._all.get(name, ()))

    def pairs(self) -> list[tuple[str, T]]:
        """Return all names with all values."""
        return [(name, value) for name, values in self._all.items() for value in values]

    def to_dict(self, flat: bool = True) -> dict[str, Any]:  # noqa: FBT001, FBT002 - as frameworks
        """Return a plain dict: of first values, or of lists."""
        return dict(self) if flat else {name: list(values) for name, values in self._all.items()}


class UploadedFile(io.BytesIO):
    """A file that came with a form.

    Args:
        content: Its bytes.
        name: The field.
        filename: As the client calls it.
        content_type: As the client says.
    """

    def __init__(self, content: bytes, name: str, filename: str, content_type: str) -> None:
        super().__init__(content)
        self.name = name
        self.filename = filename
        self.content_type = self.mimetype = content_type

    @property
    def stream(self) -> UploadedFile:
        """The file itself, for those who ask for its stream."""
        return self

    def save(self, destination: Any) -> None:
        """Write it to a path or an open file."""
        if hasattr(destination, "write"):
            destination.write(self.getvalue())
        else:
            Path(destination).write_bytes(self.getvalue())


def read_form(content_type: str, body: bytes) -> tuple[MultiDict[str], MultiDict[UploadedFile]]:
    """Return fields and files of a body; none where it is not a form."""
    kind = Message()
    kind["content-type"] = content_type
    if kind.get_content_type() == "application/x-www-form-urlencoded":
        pairs = parse_qsl(body.decode(errors="replace"), keep_blank_values=True)
        return MultiDict(pairs), MultiDict()
    boundary = kind.get_boundary()
    if kind.get_content_type() != "multipart/form-data" or not boundary:
        return MultiDict(), MultiDict()
    return _read_parts(body, boundary.encode("latin-1"))


def _read_parts(body: bytes, boundary: bytes) -> tuple[MultiDict[str], MultiDict[UploadedFile]]:
    fields: list[tuple[str, str]] = []
    files: list[tuple[str, UploadedFile]] = []
    for part in (b"\r\n" + body).split(b"\r\n--" + boundary)[1:]:
        if part.startswith(b"--"):
            break
        head, _, content = part.partition(b"\r\n\r\n")
        told = BytesHeaderParser().parsebytes(head.lstrip() + b"\r\n\r\n")
        name = told.get_param("name", header="content-disposition")
        filename = told.get_filename()
        if not isinstance(name, str):
            continue
        if filename is None:
            fields.append((name, content.decode(errors="replace")))
        else:
            file = UploadedFile(content, name, filename, told.get("content-type", ""))
            files.append((name, file))
    return MultiDict(fields), MultiDict(files)
