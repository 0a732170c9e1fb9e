"""The files of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mlmagic.azureml.core.run_record import RECORD, RunRecord
from mlmagic.azureml.exceptions import UserErrorException
from mlmagic.files import write_atomically

# What a run's folder has beside them: the record, and how a submitted script ended.
EXIT = ".exit"
_OWN = (RECORD, EXIT)


class RunFiles(RunRecord):
    """Files by name, below the run's folder."""

    def upload_file(
        self, name: str, path_or_stream: Any, datastore_name: str | None = None
    ) -> None:
        """Keep a file under a name."""
        target = self._place(name)
        if hasattr(path_or_stream, "read"):
            data = path_or_stream.read()
            write_atomically(target, data)
        elif Path(path_or_stream).is_file():
            write_atomically(target, Path(path_or_stream).read_bytes())
        else:
            raise UserErrorException(f"The file '{path_or_stream}' does not exist.")

    def upload_files(
        self,
        names: list[str],
        paths: list[str],
        return_artifacts: bool = False,
        timeout_seconds: int | None = None,
        datastore_name: str | None = None,
    ) -> None:
        """Keep several files."""
        if len(names) != len(paths):
            raise TypeError(
                f"names and paths must be lists of equal lengths. Names was of length {len(names)} "
                f"and paths of length {len(paths)}."
            )
        for name, path in zip(names, paths, strict=True):
            self.upload_file(name, path)

    def upload_folder(self, name: str, path: str, datastore_name: str | None = None) -> None:
        """Keep a folder."""
        for file in sorted(Path(path).rglob("*")):
            if file.is_file():
                self.upload_file(f"{name}/{file.relative_to(path).as_posix()}", str(file))

    def get_file_names(self) -> list[str]:
        """Return the names of the files."""
        self._settle()
        files = (path for path in self.folder.rglob("*") if path.is_file())
        names = sorted(path.relative_to(self.folder).as_posix() for path in files)
        return [name for name in names if name not in _OWN]

    def download_file(
        self,
        name: str,
        output_file_path: str | None = None,
        _validate_checksum: bool = False,
    ) -> None:
        """Copy a file out."""
        target = Path(output_file_path or Path(name).name)
        self._copy_out(name, target / Path(name).name if target.is_dir() else target)

    def download_files(
        self,
        prefix: str | None = None,
        output_directory: str | None = None,
        output_paths: list[str] | None = None,
        batch_size: int = 100,
        append_prefix: bool = True,
        timeout_seconds: int | None = None,
    ) -> None:
        """Copy the files below a prefix out."""
        names = [name for name in self.get_file_names() if name.startswith(prefix or "")]
        for number, name in enumerate(names):
            inside = name if append_prefix else name[len(prefix or "") :].lstrip("/")
            target = Path(output_paths[number] if output_paths else inside)
            self._copy_out(name, Path(output_directory or ".") / target)

    def get_all_logs(self, destination: str | None = None) -> list[str]:
        """Copy the logs into a folder and return their paths."""
        target = Path(destination or ".")
        return [self._copy_out(name, target / name) for name in self._logs()]

    def _place(self, name: str) -> Path:
        target = (self.folder / name).resolve()
        if not target.is_relative_to(self.folder.resolve()) or target.name in _OWN:
            raise UserErrorException(f"The name '{name}' leads out of the run.")
        return target

    def _copy_out(self, name: str, target: Path) -> str:
        source = self._place(name)
        if not source.is_file():
            raise UserErrorException(
                f"File with path {name} was not found,\navailable files include: "
                f"{','.join(self.get_file_names())}."
            )
        write_atomically(target, source.read_bytes())
        return str(target)

    def _logs(self) -> list[str]:
        return [name for name in self.get_file_names() if name.startswith(("user_logs/", "logs/"))]

    def _log_text(self) -> str:
        return "\n".join((self.folder / n).read_text("utf-8", "replace") for n in self._logs())

    def _settle(self) -> None:
        raise NotImplementedError
