"""What a check found, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlmagic.scoring.listening import in_uri

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlmagic.scoring.settings import Settings
    from mlmagic.scoring.startup import Service
    from mlmagic.scoring.status import Status

_WIDTH = 12
_HINT = "none was scored; give one with --sample FILE"


def report(settings: Settings, status: Status, service: Service | None) -> str:
    """Return the lines to print.

    Args:
        settings: What the service would run with.
        status: How far it came.
        service: The script; None where it did not start.
    """
    lines = _failed(status) if service is None else _served(settings, status, service)
    script = ("script", str(settings.entry_script))
    return "".join(f"{name:<{_WIDTH}}{text}\n" for name, text in (script, *lines))


def _failed(status: Status) -> Iterator[tuple[str, str]]:
    told = status.values
    yield "result", f"would not start: {told['reason']}"
    yield "reason", told["message"]
    for frame in told["frames"]:
        yield "", f"{frame['file']}, line {frame['line']}, in {frame['function']}: {frame['code']}"


def _served(settings: Settings, status: Status, service: Service) -> Iterator[tuple[str, str]]:
    told = status.values
    script = service.script
    yield "result", "would serve"
    yield "init", f"{told['init_seconds']:.2f} s"
    headers = ", and request_headers" if script.wants_headers else ""
    yield "run gets", f"{script.reader.kind}{headers}"
    if service.example is None:
        yield "sample", _HINT
    else:
        yield "sample", f"{told['sample_ms']:.1f} ms -> {told['sample_result']}"
    yield "calls", _calls(settings, service)
    yield "documents", ", ".join(service.documents.versions) or "none"
    where = f"http://{in_uri(settings.address)}:{settings.port}"
    yield "address", f"{where}/score, {_guard(settings)}"


def _calls(settings: Settings, service: Service) -> str:
    if service.script.coroutines is not None:
        return (
            "as coroutines, many at a time"
            if settings.threads is None
            else (f"as coroutines, {settings.threads} at a time")
        )
    if settings.threads is None:
        return "one at a time, on more threads while they wait"
    return "one at a time" if settings.threads == 1 else f"{settings.threads} at a time"


def _guard(settings: Settings) -> str:
    if settings.auth == "key":
        return "with a key"
    return "without keys"
