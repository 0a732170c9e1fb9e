"""Requirements as people write them: lines, files, options, folders and wheels."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from packaging.requirements import InvalidRequirement, Requirement

from mlmagic.environments.distributions import is_ours
from mlmagic.environments.wheels import pack
from mlmagic.errors import EnvironmentSetupError

if TYPE_CHECKING:
    from collections.abc import Iterable

_FLAGS = {
    "-i": "--index-url",
    "-f": "--find-links",
    "--pypi-url": "--index-url",
    "--default-index": "--index-url",
    "--index": "--extra-index-url",
}
_WITH_ADDRESS = {"--index-url", "--extra-index-url", "--find-links"}
_WITH_VALUE = {"--no-binary", "--only-binary", "--torch-backend", "--index-strategy"}
_ALONE = {"--no-index", "--pre", "--prefer-binary", "--require-hashes"}
# uv pins with hashes of its own and does not know the others' meaning.
_WITHOUT_EFFECT = {"--require-hashes", "--prefer-binary", "--trusted-host", "--no-cache-dir"}
_COMMENT = re.compile(r"(^|\s)#.*$")
_HASHES = re.compile(r"\s--hash[= ]\S+")


@dataclass
class Collected:
    """What requirement lines came to.

    Attributes:
        requirements: Requirement lines without options.
        limits: The same, for what the requirements bring in.
        index_options: Options for uv, one option with its value each.
    """

    wheels: Path
    requirements: list[str] = field(default_factory=list)
    limits: list[str] = field(default_factory=list)
    index_options: list[str] = field(default_factory=list)
    _open: list[Path] = field(default_factory=list)

    def read(self, path: Path, *, limits: bool = False) -> None:
        """Take in a requirements file and what it names with ``-r`` and ``-c``."""
        if path.resolve() in self._open:
            raise EnvironmentSetupError(f"The requirements file '{path}' includes itself.")
        try:
            text = path.read_text("utf-8-sig")
        except FileNotFoundError as error:
            raise EnvironmentSetupError(f"There is no requirements file '{path}'.") from error
        except (OSError, UnicodeDecodeError) as error:
            raise EnvironmentSetupError(
                f"The requirements file '{path}' cannot be read: {error}."
            ) from error
        self._open.append(path.resolve())
        self.add(text.splitlines(), base=path.parent, source=str(path), limits=limits)
        self._open.pop()

    def add(self, lines: Iterable[str], *, base: Path, source: str, limits: bool = False) -> None:
        """Take in requirement lines.

        Args:
            lines: Lines of a requirements file.
            base: The folder that relative paths start from.
            source: What to call the origin in messages.
            limits: Whether the lines only limit versions.

        Raises:
            EnvironmentSetupError: A line is not understood; the message names it.
        """
        for number, line in _logical(lines):
            try:
                self._line(line, base, limits=limits)
            except InvalidRequirement as error:
                raise EnvironmentSetupError(
                    f"Line {number} of '{source}' is no requirement: '{line}'.",
                    hint="Write it as 'name', 'name==1.2' or 'name @ address'.",
                ) from error

    def _line(self, line: str, base: Path, *, limits: bool) -> None:
        if line.startswith("-"):
            self._option(line, base)
            return
        line = _HASHES.sub("", line).strip()
        path = _local(line, base)
        if path is not None:
            self.add_local(path, extras=_extras(line))
            return
        requirement = Requirement(line)
        if is_ours(requirement.name):
            return
        if requirement.url and requirement.url.startswith("file:"):
            extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
            self.add_local(Path(unquote(urlsplit(requirement.url).path)), extras=extras)
            return
        _refuse_credentials(requirement.url or "")
        (self.limits if limits else self.requirements).append(str(requirement))

    def _option(self, line: str, base: Path) -> None:
        flag, value = _flag(line)
        if flag in {"-r", "--requirement"}:
            self.read(base / value)
        elif flag in {"-c", "--constraint"}:
            self.read(base / value, limits=True)
        elif flag in {"-e", "--editable"}:
            path = _local(value, base)
            if path is None:
                self._line(_editable_address(value), base, limits=False)
            else:
                self.add_local(path, extras=_extras(value))
        elif flag in _WITHOUT_EFFECT:
            return
        elif flag in _WITH_ADDRESS:
            self._address(flag, value, base)
        elif flag in _WITH_VALUE:
            self.option(f"{flag} {value}")
        elif flag in _ALONE:
            self.option(flag)
        else:
            raise EnvironmentSetupError(
                f"The option '{flag}' in requirements is not known.",
                hint="Known: -r, -c, -e, --index-url, --extra-index-url, --find-links, --no-index, "
                "--no-binary, --only-binary, --pre.",
            )

    def _address(self, flag: str, value: str, base: Path) -> None:
        _refuse_credentials(value)
        if flag == "--find-links" and "://" not in value and not value.startswith("$"):
            folder = (base / value).resolve()
            if not folder.is_dir():
                raise EnvironmentSetupError(f"There is no folder '{value}' to find wheels in.")
            value = str(folder)
        self.option(f"{flag} {value}")

    def option(self, option: str) -> None:
        """Add an option for uv once."""
        if option not in self.index_options:
            self.index_options.append(option)

    def add_local(self, path: Path, *, extras: str = "") -> None:
        """Add a wheel, an archive or a project folder, packed as a wheel."""
        wheel = pack(path.resolve(), self.wheels, name=path.name)
        if is_ours(wheel.name):
            return
        self.requirements.append(f"{wheel.name}{extras}=={wheel.version}")
        self.option(wheel.option)


def _logical(lines: Iterable[str]) -> Iterable[tuple[int, str]]:
    """Lines without comments, continued ones joined, with the number they begin at."""
    pending, start = "", 0
    for number, raw in enumerate(lines, 1):
        line = _COMMENT.sub("", raw).rstrip() if not pending else raw.rstrip()
        start = start if pending else number
        if line.endswith("\\"):
            pending += line[:-1] + " "
            continue
        whole = _COMMENT.sub("", pending + line).strip()
        pending = ""
        if whole:
            yield start, whole
    if pending.strip():
        yield start, pending.strip()


def _flag(line: str) -> tuple[str, str]:
    parts = shlex.split(line, posix=True)
    flag, _, value = parts[0].partition("=")
    if not flag.startswith("--") and len(flag) > len("-r"):  # -rfile, as pip allows
        flag, value = flag[:2], parts[0][2:]
    return _FLAGS.get(flag, flag), value or " ".join(parts[1:])


def _local(line: str, base: Path) -> Path | None:
    text = re.sub(r"\[[^]]*\]$", "", line.partition(" ;")[0].strip())
    if text.startswith("file:"):
        return Path(unquote(urlsplit(text).path))
    looks_local = text.startswith((".", "/", "~")) or (
        text.endswith((".whl", ".tar.gz", ".zip")) and "://" not in text and "@" not in text
    )
    return base / Path(text).expanduser() if looks_local else None


def _extras(line: str) -> str:
    match = re.search(r"\[[^]]*\]$", line.partition(" ;")[0].strip())
    return match[0] if match else ""


def _editable_address(value: str) -> str:
    match = re.search(r"[#&]egg=([^&\[]+)", value)
    if match is None:
        raise EnvironmentSetupError(
            f"The requirement '-e {value}' does not say what it is.",
            hint=f"Write it as 'name @ {value}'.",
        )
    return f"{match[1]} @ {value.partition('#')[0]}"


def _refuse_credentials(address: str) -> None:
    parts = urlsplit(address)
    user, colon, password = parts.netloc.rpartition("@")[0].partition(":")
    secret = password if colon else user  # a token may stand alone; 'git@' of ssh is none
    named = re.fullmatch(r"(\$\{[A-Z0-9_]+\})?", secret)
    if not named and not (parts.scheme.endswith("ssh") and not colon):
        raise EnvironmentSetupError(
            "An index address in the requirements holds a password.",
            hint="Write ${NAME} in its place and set the environment variable NAME, or use netrc.",
        )
