"""The run of a script that was not submitted: it prints what is logged, and keeps nothing."""

from __future__ import annotations

import uuid
from typing import Any, Self


class OfflineRun:
    """What ``Run.get_context()`` returns outside of a run, with v1's lines and no more members."""

    def __init__(self, run_id: str | None = None) -> None:
        self.id = run_id or f"OfflineRun_{uuid.uuid4()}"

    def log(self, name: str, value: Any, description: str = "", step: int | None = None) -> None:
        """Print a value."""
        _tell("scalar", name, value)

    def log_list(self, name: str, value: Any, description: str = "") -> None:
        """Print several values."""
        _tell("list", name, value)

    def log_table(self, name: str, value: Any, description: str = "") -> None:
        """Print a table."""
        _tell("table", name, value)

    def log_row(self, name: str, description: str | None = None, **kwargs: Any) -> None:
        """Print a row."""
        _tell("row", name, kwargs)

    def log_image(
        self, name: str, path: str | None = None, plot: Any = None, description: str = ""
    ) -> None:
        """Print what the image is."""
        _tell("image", name, plot or path)

    def log_residuals(self, name: str, value: Any, description: str | None = None) -> None:
        """Print them."""
        _tell("residual", name, value)

    def log_predictions(self, name: str, value: Any, description: str | None = None) -> None:
        """Print them."""
        _tell("predictions", name, value)

    def log_accuracy_table(self, name: str, value: Any, description: str | None = None) -> None:
        """Print it."""
        _tell("accuracy_table", name, value)

    def log_confusion_matrix(self, name: str, value: Any, description: str | None = None) -> None:
        """Print it."""
        _tell("confusion_matrix", name, value)

    def upload_file(
        self, name: str, path_or_stream: Any, datastore_name: str | None = None
    ) -> None:
        """Say that there is no run for a file."""
        print(f"Attempted to track file {name} at {path_or_stream}")

    def upload_files(
        self,
        name: Any,
        paths: Any,
        return_artifacts: bool = False,
        timeout_seconds: int | None = None,
        datastore_name: str | None = None,
    ) -> None:
        """Say that there is no run for files."""
        print(f"Attempted to track files {name} at {paths} with timeout {timeout_seconds}s")

    def upload_folder(self, name: str, path: str, datastore_name: str | None = None) -> None:
        """Say that there is no run for a folder."""
        print(f"Attempted to track folder {name} at {path}")

    def add_properties(self, properties: dict[str, str]) -> None:
        """Say that there is no run for them."""
        print(f"Attempted to add properties {properties}")

    def set_tags(self, tags: dict[str, str]) -> None:
        """Say that there is no run for them."""
        print(f"Attempted to set tags {tags}")

    def tag(self, name: str, value: str | None = None) -> None:
        """Say that there is no run for it."""
        print(f"Attempted to add tag {name} with value {value}")

    def complete(self) -> None:
        """Nothing is to be ended."""

    def cancel(self) -> None:
        """Nothing is to be stopped."""

    def fail(self, error_details: object = None, error_code: str | None = None) -> None:
        """Print why."""
        print(f"Run failed with error code {error_code}:\n{error_details}")

    def flush(self) -> None:
        """Say that nothing waits."""
        print(f"Attempted to flush run with id {self.id}")

    def child_run(
        self, name: str | None = None, run_id: str | None = None, outputs: str | None = None
    ) -> OfflineRun:
        """Return another one."""
        return OfflineRun(run_id or f"{self.id}.{name or uuid.uuid4()}")

    def __enter__(self) -> Self:
        print(f"[START] Run {self.id} context")
        return self

    def __exit__(self, *_: object) -> None:
        print(f"[STOP] Run {self.id} context")


def _tell(kind: str, name: str, value: Any) -> None:
    print(f"Attempted to log {kind} metric {name}:\n{value}")
