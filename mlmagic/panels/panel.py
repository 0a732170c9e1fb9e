"""What every panel's Python half does: news go out in batches, intents come in."""

from __future__ import annotations

import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from threading import RLock, Timer
from typing import TYPE_CHECKING, Any, TypeVar

import anywidget
import traitlets
from ipywidgets import CallbackDispatcher

from mlmagic.errors import MlmagicError

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlmagic.presentation import Shown

STATIC = Path(__file__).parent / "static"
KEPT_INTENTS = 1_000
_PAUSE = 0.25
Key = TypeVar("Key")
Kind = TypeVar("Kind", bound="Panel")


class Panel(anywidget.AnyWidget):
    """A live panel.

    Traits go out only. What the user does comes in as ``{id, kind, args}`` and is answered by
    ``{id, ok, value | error}``, from a thread of the panel's own: the kernel's may be busy with
    a cell for hours, and is never kept waiting. The page sends an intent again until it is
    answered; what has an id that was taken before is left out. ``still`` is the MIME bundle of an
    output that shows this panel now: where the page can reach its notebook, it is what is saved.

    Args:
        **traits: What the panel shows at first.

    Attributes:
        commands: What the user can ask for: kind of intent to what answers its arguments.
    """

    _css = STATIC / "panels.css"

    still: Any = traitlets.Dict().tag(sync=True)

    def __init__(self, **traits: Any) -> None:
        self._lock = RLock()
        self._drawn: object = None
        self._pages = {_page()}
        self._sent = 0.0
        self._timer: Timer | None = None
        for name in ("_esm", "_css"):
            # As text: anywidget would have the file tell its changes to each panel, and so keep it.
            self.__dict__[name] = str(getattr(type(self), name))
        super().__init__(**traits)
        self._own_layout = self.layout
        self._workers = ThreadPoolExecutor(2, thread_name_prefix="mlmagic-panel")
        self.commands: dict[str, Callable[[dict[str, Any]], Any]] = {}
        self._done = CallbackDispatcher()
        self._taken: deque[Any] = deque(maxlen=KEPT_INTENTS)
        self.on_msg(self._receive)

    def on_done(
        self, callback: Callable[[str, dict[str, Any], Any], None], *, remove: bool = False
    ) -> None:
        """Call back when something that the user asked for was done.

        Args:
            callback: Takes the kind of intent, its arguments and its result; called from the
                panel's thread.
            remove: Call it no more.
        """
        self._done.register_callback(callback, remove=remove)

    def to_html(self) -> str:
        """Return what is shown now as HTML without script, with the time."""
        with self._lock:
            return str(self._bundle()["text/html"])

    def view(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the MIME bundle of a view of this panel, without text, and its metadata."""
        data, metadata = self._repr_mimebundle_() or ({}, {})
        return {kind: value for kind, value in data.items() if kind != "text/plain"}, metadata

    def close(self) -> None:
        """Take the views away; what is shown goes on."""
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
        self._workers.shutdown(wait=False, cancel_futures=True)
        super().close()
        self._own_layout.close()  # a widget of its own, which ipywidgets would keep

    @traitlets.observe("comm")
    def _comes_in_where_the_page_sends(self, change: dict[str, Any]) -> None:
        # ipykernel 7.4 gives a message to the subshell under which the comm spoke last instead of
        # the one that the page names. What a thread says counts as said under any subshell, maybe
        # one that is gone: every intent after it would be lost.
        if change["new"] is not None:
            change["new"]._reply_subshell_for = None  # noqa: SLF001 - no public way

    def _send_traits(self) -> None:
        """Set the traits to what is known now."""
        raise NotImplementedError

    def _present(self) -> Shown:
        """Return what is shown now as text and HTML."""
        raise NotImplementedError

    def _facts(self) -> object:
        """Return what of it is worth another ``still`` when it changes: not the time alone."""
        return self._present().html

    def _bundle(self) -> dict[str, Any]:
        """Return what is shown now, for where nothing is live, with the time."""
        shown = self._present().as_of(datetime.now(UTC))
        return {"text/plain": shown.text, "text/html": shown.html}

    def _send_soon(self, *, at_once: bool = False) -> None:
        """Send what is known now, at most four times a second unless it cannot wait.

        A chatty script does not flood the page.
        """
        with self._lock:
            wait = self._sent + _PAUSE - time.monotonic()
            if wait <= 0 or at_once:
                self._send_newest()
            elif self._timer is None:
                self._timer = Timer(wait, self._send_newest)
                self._timer.daemon = True
                self._timer.start()

    def _send_newest(self) -> None:
        # Traits are set from this thread: the kernel's own may be busy with a cell for hours.
        with self._lock, self.hold_sync():  # one message
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            self._sent = time.monotonic()
            self._send_traits()
            if self._drawn != (facts := self._facts()):
                self._drawn = facts
                self.still = self._bundle() | self.view()[0]

    def is_at(self, page: str) -> bool:
        """Whether a page has this panel: it was there when it was made, or has spoken to it."""
        return page in self._pages

    def _receive(self, _widget: Any, content: dict[str, Any], _buffers: Any) -> None:
        self._pages.add(_page())
        if content.get("here"):
            return
        if content.get("id") in self._taken:
            return  # the page asks again until it has an answer
        self._taken.append(content.get("id"))
        self._workers.submit(self._answer, content)

    def _answer(self, content: dict[str, Any]) -> None:
        reply: dict[str, Any] = {"id": content.get("id"), "ok": False}
        command = self.commands.get(str(content.get("kind")))
        if command is None:
            reply["error"] = f"The panel has no command '{content.get('kind')}'."
        else:
            try:
                args = content.get("args") or {}
                reply |= {"ok": True, "value": command(args)}
                self._done(str(content["kind"]), args, reply["value"])
            except Exception as error:  # noqa: BLE001 - told in the panel, where the user waits
                reply["error"] = words_of(error)
        self.send(reply)


def words_of(error: Exception) -> str:
    """Say what a fault is told as: its words, where they are ours."""
    return str(error) if isinstance(error, MlmagicError) else f"{type(error).__name__}: {error}"


def kept(panels: dict[Key, Kind], key: Key, make: Callable[[], Kind]) -> Kind:
    """Return the panel of a key; it is made where this kernel has none that the page has.

    JupyterLab takes up from the kernel what a page before it had; VS Code does not, and would show
    nothing.
    """
    panel = panels.get(key)
    if panel is None or panel.comm is None or not panel.is_at(_page()):
        panel = panels[key] = make()
    return panel


def _page() -> str:
    """Return the session of the page that asked last; empty outside a kernel."""
    from IPython.core.getipython import get_ipython

    kernel = getattr(get_ipython(), "kernel", None)
    request = kernel.get_parent("shell") if kernel is not None else {}
    return str(request.get("header", {}).get("session", ""))
