"""The run of a script that was not submitted: it prints what is logged, and keeps files at hand."""

from __future__ import annotations

from typing import Any


class OfflineRun:
    """What ``Run.get_context()`` returns outside of a run; as in v1, logging prints."""

    def __init__(self) -> None:
        self.id = "OfflineRun"
        self.experiment = None
        self.tags: dict[str, str] = {}
        self.properties: dict[str, str] = {}

    def log(self, name: str, value: Any, description: str = "", step: int | None = None) -> None:
        """Print a value."""
        print(f"Attempted to log scalar metric {name}:\n{value}")

    def log_list(self, name: str, value: Any, description: str = "") -> None:
        """Print several values."""
        print(f"Attempted to log list metric {name}:\n{value}")

    def log_row(self, name: str, description: str | None = None, **kwargs: Any) -> None:
        """Print a row."""
        print(f"Attempted to log row metric {name}:\n{kwargs}")

    def tag(self, key: str, value: str | None = None) -> None:
        """Keep a tag while this process lives."""
        self.tags[key] = value or ""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name.startswith(("log_", "upload_", "add_", "set_", "complete", "fail", "flush")):
            return lambda *_args, **_kwargs: None
        raise AttributeError(
            f"'{name}' needs a run: submit the script with Experiment.submit(ScriptRunConfig(…))."
        )
