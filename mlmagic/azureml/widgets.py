"""``azureml.widgets``: a run, shown in a notebook."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlmagic.azureml.core.run_record import RECORD
from mlmagic.azureml.coverage import differs, refuse
from mlmagic.presentation import Facts, Lines, Shown, Table, measures

if TYPE_CHECKING:
    from mlmagic.azureml.core.run import Run
    from mlmagic.presentation import Block

_LOG_LINES = 20


@refuse("Read it of the run: get_details(), get_metrics().", "get_widget_data")
@differs("A panel of ours; as text where nobody watches")
class RunDetails:
    """Shows a run: its status, what was logged, its files and the end of its log."""

    def __init__(self, run_instance: Run) -> None:
        self.run = run_instance

    def show(self, render_lib: object = None, widget_settings: object = None) -> None:
        """Show the run: in a notebook a panel that follows it, else as text as it is now."""
        from IPython.core.getipython import get_ipython

        shell: Any = get_ipython()
        if shell is None:
            print(self.look().text)
        else:
            shell.display_pub.publish(*shell.display_formatter.format(self))

    @differs("Ours alone: what is shown, as data and text")
    def look(self) -> Shown:
        """Return the run as it is now."""
        run = self.run
        details = run.get_details()
        facts = (
            ("experiment", run.experiment.name),
            ("id", run.id),
            ("status", details["status"]),
            ("started", measures.clock(details["startTimeUtc"])),
            ("ended", measures.clock(details["endTimeUtc"])),
            ("tags", run.tags),
            ("files", run.get_file_names()),
        )
        metrics = run.get_metrics()
        rows = [(name, *_newest(value)) for name, value in metrics.items()]
        blocks: list[Block] = [Facts(facts)]
        blocks.append(Table(("metric", "value", "times"), rows, empty="Nothing is logged yet."))
        if log := run._log_text().splitlines()[-_LOG_LINES:]:
            blocks.append(Lines(("", *log)))
        return Shown(tuple(blocks), {**details, "metrics": metrics})

    @differs("Ours alone: it changes when there is something to show")
    def stamp(self) -> object:
        """Return what changes with the run; None once it has ended."""
        if self.run.status in ("Completed", "Failed", "Canceled"):
            return None
        return (self.run.folder / RECORD).stat().st_mtime_ns, len(self.run._log_text())

    def __repr__(self) -> str:
        return self.look().text

    def _repr_html_(self) -> str:
        return self.look().html


def _newest(value: Any) -> tuple[Any, int]:
    """A metric's newest value, and how often it was logged; of a table its newest row."""
    if isinstance(value, list):
        return value[-1] if value else "", len(value)
    if isinstance(value, dict) and value and all(isinstance(it, list) for it in value.values()):
        row = {name: column[-1] for name, column in value.items() if column}
        return row, max(map(len, value.values()))
    return value, 1
