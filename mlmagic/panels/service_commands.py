"""What the user can have the service panel do."""

from __future__ import annotations

import base64
import binascii
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Protocol

from mlmagic.errors import UsageError
from mlmagic.services.snippets import LANGUAGES, Call, render

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlmagic.services import Change
    from mlmagic.services.scoring_requests import Answer

    Snapshot = dict[str, Any]
    Args = dict[str, Any]

LOG_LINES = 20_000
_BODY_LENGTH = 50_000
_TRY_SECONDS = 60.0


class ServiceHandle(Protocol):
    """What the panel needs of a service; a ``Webservice`` is one."""

    @property
    def name(self) -> str:
        """The name of the service."""

    @property
    def record(self) -> Any:
        """Its record; ``created_at`` tells it from others of the name."""

    def snapshot(self) -> Snapshot:
        """Return what the service is now."""

    def ask(self, body: bytes, media_type: str, *, timeout: float) -> Answer:
        """Post a body and return the answer."""

    def input_schema(self) -> dict[str, Any]:
        """Return the JSON Schema of its requests."""

    def get_keys(self) -> tuple[str, str]:
        """Return the two keys."""

    def regen_key(self, which: str) -> None:
        """Replace a key."""

    def log_lines(self, num_lines: int) -> list[str]:
        """Return the last lines of its log."""

    def changes(self, generation: int) -> tuple[Change, ...]:
        """Say what a revision changed."""

    def update(self, **changes: Any) -> Any:
        """Change the named parts."""

    def rollback(self, to: int | None = None) -> None:
        """Go back to an earlier revision."""

    def stop(self) -> None:
        """Stop it."""

    def start(self) -> None:
        """Start it."""

    def restart(self) -> None:
        """Start its processes anew."""

    def reload(self) -> None:
        """Take the script as it lies now."""

    def delete(self) -> None:
        """Delete it."""


def service_commands(handle: ServiceHandle) -> dict[str, Callable[[Args], Any]]:
    """Return the intents of the service panel: what answers each kind.

    Args:
        handle: The service that they are about.
    """
    commands = _Commands(handle)
    return {
        "try": commands.score,
        "schema": lambda _args: {"schema": handle.input_schema() or None},
        "call": commands.call,
        "keys": commands.keys,
        "rotate": commands.rotate,
        "log": commands.log,
        "changes": commands.changes,
        "rollback": commands.rollback,
        "scale": commands.scale,
        "plan": commands.plan,
        "update": commands.update,
        "cancel": commands.cancel,
        "stop": lambda _args: handle.stop(),
        "start": lambda _args: handle.start(),
        "restart": lambda _args: handle.restart(),
        "reload": lambda _args: handle.reload(),
        "delete": commands.delete,
    }


class _Commands:
    def __init__(self, handle: ServiceHandle) -> None:
        self._handle = handle

    def score(self, args: Args) -> dict[str, Any]:
        """Post what the user gave, as text or, of a file, as Base64."""
        body = _body(args)
        start = time.perf_counter()
        answer = self._handle.ask(body, str(args["mediaType"]), timeout=_TRY_SECONDS)
        return {
            "status": answer.status,
            "milliseconds": (time.perf_counter() - start) * 1_000,
            "body": _text(answer),
            "headers": list(map(list, answer.headers.items())),
        }

    def call(self, args: Args) -> dict[str, str]:
        """Write the request as code."""
        language = str(args["language"])
        if language not in LANGUAGES:
            raise UsageError(f"There is no language '{language}'.")
        snapshot = self._handle.snapshot()
        call = Call(
            uri=snapshot["scoringUri"] or "",
            body=str(args["body"]),
            media_type=str(args["mediaType"]),
            wants_key=snapshot["auth"] == "key",
        )
        return {"code": render(language, call)}

    def keys(self, _args: Args) -> dict[str, str]:
        """Tell the keys."""
        primary, secondary = self._handle.get_keys()
        return {"primary": primary, "secondary": secondary}

    def rotate(self, args: Args) -> None:
        """Replace one key."""
        self._handle.regen_key(str(args["which"]))

    def log(self, _args: Args) -> dict[str, str]:
        """Tell all of the log that can be had at once."""
        return {"text": "".join(f"{line}\n" for line in self._handle.log_lines(LOG_LINES))}

    def changes(self, args: Args) -> list[dict[str, str]]:
        """Tell what a revision changed."""
        return [asdict(change) for change in self._handle.changes(int(args["generation"]))]

    def rollback(self, args: Args) -> None:
        """Go back to a revision."""
        self._handle.rollback(to=int(args["generation"]))

    def scale(self, args: Args) -> None:
        """Change how many replicas there are."""
        self._handle.update(replicas=int(args["replicas"]), wait=False)

    def plan(self, args: Args) -> dict[str, Any]:
        """Tell what an update would change."""
        plan = self._handle.update(models=_models(args), plan=True)
        changes = [asdict(change) for change in plan.changes]
        return {"action": plan.action, "problem": plan.problem, "changes": changes}

    def update(self, args: Args) -> None:
        """Serve other models."""
        self._handle.update(models=_models(args), wait=False)

    def cancel(self, _args: Args) -> None:
        """Give a deployment up: back to the revision that serves, or no process at all."""
        snapshot = self._handle.snapshot()
        current = next((each for each in snapshot["revisions"] if each["current"]), None)
        serving = snapshot["generation"]
        if serving and current and serving != current["generation"]:
            self._handle.rollback(to=serving)
        else:
            self._handle.stop()

    def delete(self, args: Args) -> None:
        """Delete the service; its name has to be given."""
        name = self._handle.name
        if args.get("name") != name:
            raise UsageError(f"'{args.get('name')}' is not the name of the service.", hint=name)
        self._handle.delete()


def _body(args: Args) -> bytes:
    if "file" not in args:
        return str(args["body"]).encode()
    try:
        return base64.b64decode(args["file"], validate=True)
    except (binascii.Error, TypeError) as error:
        raise UsageError(f"The file did not arrive whole: {error}.") from error


def _models(args: Args) -> list[str]:
    models = [str(model) for model in args["models"]]
    if not models:
        raise UsageError("No model is named.", hint="Write 'NAME' or 'NAME:VERSION'.")
    return models


def _text(answer: Answer) -> str:
    text = answer.text
    if len(text) <= _BODY_LENGTH:
        return text
    return f"{text[:_BODY_LENGTH]}\n… {len(text) - _BODY_LENGTH:,} more characters"
