"""Progress while something runs, and how results are displayed."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self

from mlmagic import journal
from mlmagic.presentation import Shown, present
from mlmagic.presentation.services import unchanged
from mlmagic.presentation.views import HOMES

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from mlmagic.magics.session import Session
    from mlmagic.panels.result import ResultPanel

_SERVICE = ("mlmagic.services.webservice", "Webservice")
_ENVIRONMENT = ("mlmagic.environments.environments", "EnvironmentEntry")
_REPORT = ("mlmagic.azureml.importing.report", "ImportReport")
_RUN = ("mlmagic.azureml.widgets", "RunDetails")


class Progress:
    """Lines of progress that replace one another and leave nothing behind.

    Where nobody watches, the notebook shows none; ``mlmagic run`` tells them, unless silence
    was asked for.
    """

    def __init__(self, session: Session, *, quiet: bool | None = None) -> None:
        self._noted = session.headless and quiet is None
        self._quiet = self._noted or bool(quiet)
        self._in_kernel = session.in_kernel
        self._handle: Any = None

    def __enter__(self) -> Self:
        return self

    def __call__(self, line: str) -> None:
        """Show a line in the place of the one before."""
        if self._noted:
            journal.note("progress", line=line)
        if self._quiet:
            return
        if not self._in_kernel:
            if sys.stderr.isatty():
                sys.stderr.write(f"{line}\n")
            return
        self._show({"text/plain": line})

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._handle is not None:
            self._show({"text/plain": "", "text/html": ""})

    def _show(self, bundle: dict[str, str]) -> None:
        from IPython.display import DisplayHandle

        if self._handle is None:
            self._handle = DisplayHandle()  # type: ignore[no-untyped-call]
            self._handle.display(bundle, raw=True)
        else:
            self._handle.update(bundle, raw=True)


class Listing(list[Any]):
    """A list that shows itself as a table."""

    def __init__(self, shown: Shown) -> None:
        super().__init__(shown.value)
        self._shown = shown

    def __repr__(self) -> str:
        return self._shown.text

    def _repr_html_(self) -> str:
        return self._shown.html


class LiveListing(Listing):
    """A list that shows itself as a live panel, and as a table where it is saved."""

    def __init__(self, shown: Shown, view: tuple[dict[str, Any], dict[str, Any]]) -> None:
        super().__init__(shown.as_of(datetime.now(UTC)))
        self._view = view

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        return self._view


class Record(dict[str, Any]):
    """A dict that shows itself as names with values."""

    def __init__(self, shown: Shown) -> None:
        super().__init__(shown.value)
        self._shown = shown

    def __repr__(self) -> str:
        return self._shown.text

    def _repr_html_(self) -> str:
        return self._shown.html


class Text(str):
    """Text that shows itself as it is, without quotes."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def displayable(shown: Shown, *, answer: bool = False) -> Any:
    """Return a result so that it is shown well when a cell ends with it.

    Args:
        shown: The result.
        answer: It is a service's answer, which stays the plain value that it is.
    """
    value = shown.value
    if answer or value is None:
        return value
    if isinstance(value, str):
        return Text(shown.text)
    if isinstance(value, list):
        return Listing(shown)
    return Record(shown) if isinstance(value, dict) else value


class ServiceDisplay:
    """Shows a service's panel; once in a cell that deploys, however the cell ends."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._shown: str | None = None

    def forget(self) -> None:
        """Take note that a cell begins; some clients do not count theirs."""
        self._shown = None

    def show(self, handle: Any) -> None:
        """Show the panel now."""
        from mlmagic.panels import display_service

        self._shown = handle.name
        for line in unchanged(handle):
            sys.stdout.write(f"{line}\n")
        display_service(handle, live=self._session.live)

    def __call__(self, handle: Any) -> None:
        """Show a handle that a cell ends with, unless this cell has shown it."""
        if self._shown != handle.name:
            self.show(handle)


def add_formatters(shell: Any, session: Session) -> None:
    """Register how results are displayed; text always, HTML where it is understood."""
    formatters = shell.display_formatter.formatters
    for module, name in HOMES:
        formatters["text/plain"].for_type_by_name(module, name, _print)
        formatters["text/html"].for_type_by_name(module, name, lambda it: present(it).html)
    display = shell.display_formatter
    display.ipython_display_formatter.for_type_by_name(*_SERVICE, session.service_display)
    bundles = display.mimebundle_formatter
    bundles.for_type_by_name(*_ENVIRONMENT, _EnvironmentView(session))
    bundles.for_type_by_name(*_REPORT, _ResultView(session, _report_panel))
    bundles.for_type_by_name(*_RUN, _ResultView(session, _run_panel))


class _EnvironmentView:
    """Adds a live panel to the HTML and text of an environment, where somebody watches."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def __call__(self, entry: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        if not self._session.live:
            return {}, {}
        from mlmagic.panels import environment_view

        return environment_view(self._session.workspace(), entry)


class _ResultView:
    """Adds the result panel to the HTML and text of a result, where somebody watches."""

    def __init__(self, session: Session, make: Callable[[Any], ResultPanel]) -> None:
        self._session, self._make = session, make

    def __call__(self, value: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        return self._make(value).view() if self._session.live else ({}, {})


def _report_panel(report: Any) -> ResultPanel:
    from mlmagic.panels.result import ResultPanel

    return ResultPanel(f"Import of '{report.source}'", lambda: present(report))


def _run_panel(details: Any) -> ResultPanel:
    from mlmagic.panels.result import ResultPanel

    return ResultPanel(f"Run {details.run.id}", details.look, details.stamp)


def remove_formatters(shell: Any) -> None:
    """Take away what `add_formatters` registered."""
    display = shell.display_formatter
    special = (display.ipython_display_formatter, display.mimebundle_formatter)
    for formatter in (*display.formatters.values(), *special):
        for key in [*HOMES, _SERVICE, _RUN]:
            formatter.deferred_printers.pop(key, None)
        for kind in [kind for kind in formatter.type_printers if _is_ours(kind)]:
            formatter.type_printers.pop(kind)


def _is_ours(kind: type) -> bool:
    return (kind.__module__, kind.__name__) in {*HOMES, _SERVICE, _RUN}


def _print(value: Any, printer: Any, cycle: bool) -> None:  # noqa: FBT001 - IPython's signature
    printer.text("…" if cycle else present(value).text)
