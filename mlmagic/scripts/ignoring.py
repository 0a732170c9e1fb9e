"""What stays behind: ignored files, and files that look like secrets."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from mlmagic.errors import ScriptError

IGNORE_FILE = ".mlmagicignore"

NEVER = frozenset({".git", ".mlmagic", ".ipynb_checkpoints", "__pycache__", ".venv"})
# Lines of the user's file come after these and win. Notebooks stay behind because saving one
# must not make a service look changed.
_DEFAULTS = ("*.ipynb", "*.pyc", f"/{IGNORE_FILE}")

_SECRET = (
    ".env", ".env.*", "*.pem", "*.key", "*.p12", "*.pfx", "*.jks", "*.keystore", "*.kdbx",
    "id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", ".netrc", "_netrc", ".pgpass", ".pypirc",
    ".htpasswd", ".git-credentials", "credentials", "credentials.*", "client_secret*.json",
    "service[-_]account*.json", "secrets.*", "kubeconfig",
)  # fmt: skip
_HARMLESS = (
    "*.example", "*.sample", "*.template", "*.dist", "*.py", "*.md", "*.rst",
    "*.env.example", "*.pub",
)  # fmt: skip


def looks_secret(path: str) -> bool:
    """Tell by its name whether a file may hold a secret."""
    name = PurePosixPath(path).name.lower()
    if any(fnmatchcase(name, pattern) for pattern in _HARMLESS):
        return False
    return any(fnmatchcase(name, pattern) for pattern in _SECRET)


class Ignored:
    """What ``.mlmagicignore`` of a source directory, in gitignore syntax, leaves behind."""

    def __init__(self, folder: Path) -> None:
        import pathspec

        file = folder / IGNORE_FILE
        try:
            own = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
            self._own = pathspec.GitIgnoreSpec.from_lines(own)
            self._all = pathspec.GitIgnoreSpec.from_lines([*_DEFAULTS, *own])
        except (OSError, ValueError) as error:
            raise ScriptError(
                f"The file '{file}' cannot be used: {error}.",
                hint="Write it as a .gitignore file, in UTF-8.",
            ) from error

    def skips(self, inside: PurePosixPath, *, folder: bool) -> bool:
        """Whether a file or folder stays behind."""
        if inside.name in NEVER:
            return True
        return self._all.match_file(f"{inside}/" if folder else str(inside))

    def is_named(self, inside: str) -> bool:
        """Whether a line such as ``!.env`` says that this file travels."""
        return self._own.check_file(inside).include is False
