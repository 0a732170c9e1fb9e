"""``%ml … > FILE``: what a command writes goes to a file, as in a shell."""

from __future__ import annotations

import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlmagic.errors import UsageError
from mlmagic.files import write_atomically
from mlmagic.magics.lines import signs, words_of

if TYPE_CHECKING:
    from collections.abc import Mapping

_SIGN = re.compile(r"\s(?P<sign>>>?)(?!=)")


@dataclass(frozen=True, kw_only=True)
class Redirection:
    """Where a command writes.

    Attributes:
        path: The file.
        append: Whether what it has is kept.
    """

    path: Path
    append: bool

    def write(self, text: str) -> None:
        """Write all of it at once; until then the file is what it was.

        Raises:
            UsageError: The file cannot be written.
        """
        path = self.path.resolve()  # behind a link lies the file that is meant
        content = f"{text}\n" if text else ""
        try:
            if path.exists() and not path.is_file():  # such as /dev/null
                path.write_text(content, encoding="utf-8")
                return
            there = path.exists()
            before = path.read_bytes() if self.append and there else b""
            mode = stat.S_IMODE(path.stat().st_mode) if there else 0o644
            write_atomically(path, before + content.encode(), mode=mode)
        except OSError as error:
            raise UsageError(
                f"'{self.path}' cannot be written: {error.strerror or error}.",
                hint="Name another file behind '>'.",
            ) from error


def take_redirection(line: str, namespace: Mapping[str, Any]) -> tuple[str, Redirection | None]:
    """Take ``> FILE`` or ``>> FILE`` off the end of a line; only the file's name is expanded.

    Example:
        >>> take_redirection("service export {svc} >> {svc}.yaml", {"svc": "a"})
        ('service export {svc}', Redirection(path=PosixPath('a.yaml'), append=True))
    """
    for found in signs(_SIGN, line):
        named = line[found.end() :].strip()
        words = words_of(named, namespace)
        if len(words) != 1:
            raise UsageError(
                f"Behind '{found['sign']}' one file is named, not '{named}'.",
                hint="Such as: %ml service export NAME > manifests.yaml",
            )
        path = Path(words[0]).expanduser()
        return line[: found.start()], Redirection(path=path, append=found["sign"] == ">>")
    return line, None
