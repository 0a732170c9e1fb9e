"""What is logged in a run."""

from __future__ import annotations

from types import GeneratorType
from typing import Any

from mlmagic.azureml.core.run_files import RunFiles
from mlmagic.azureml.coverage import differs
from mlmagic.azureml.exceptions import UserErrorException


class RunMetrics(RunFiles):
    """Values by name, kept in the run's record."""

    def log(self, name: str, value: Any, description: str = "", step: int | None = None) -> None:
        """Log a value; a name that is logged again becomes a list."""
        if isinstance(value, (list, range, GeneratorType)):
            raise UserErrorException("run.log does not support list type. Use run.log_list instead")
        metrics = self._read()["metrics"]
        value = _plain(value)
        if name in metrics:
            earlier = metrics[name] if isinstance(metrics[name], list) else [metrics[name]]
            value = [*earlier, value]
        self._change(metrics={**metrics, name: value})

    def log_list(self, name: str, value: Any, description: str = "") -> None:
        """Log several values."""
        self._change(metrics={**self._read()["metrics"], name: [_plain(each) for each in value]})

    def log_row(self, name: str, description: str | None = None, **kwargs: Any) -> None:
        """Log a row of a table."""
        table = self._read()["metrics"].get(name) or {}
        row = {key: [*table.get(key, []), _plain(value)] for key, value in kwargs.items()}
        self._change(metrics={**self._read()["metrics"], name: {**table, **row}})

    def log_table(self, name: str, value: dict[str, Any], description: str = "") -> None:
        """Log a table of columns."""
        plain = {key: _plain(column) for key, column in value.items()}
        self._change(metrics={**self._read()["metrics"], name: plain})

    def log_image(
        self, name: str, path: str | None = None, plot: Any = None, description: str = ""
    ) -> None:
        """Keep an image, a file or a plot of matplotlib, among the files."""
        target = self.folder / f"{name}.png"
        if path is not None:
            self.upload_file(target.name, path)
        elif plot is not None:
            target.parent.mkdir(parents=True, exist_ok=True)
            plot.savefig(target)

    @differs("Of this run alone: 'recursive' is not used")
    def get_metrics(
        self,
        name: str | None = None,
        recursive: bool = False,
        run_type: object = None,
        populate: bool = False,
    ) -> dict[str, Any]:
        """Return what was logged."""
        metrics = self._read()["metrics"]
        return {key: value for key, value in metrics.items() if name in (None, key)}


def _plain(value: Any) -> Any:
    """Turn numbers of numpy, and arrays, into JSON's."""
    return value.tolist() if hasattr(value, "tolist") else value
