"""Where our answers differ from azmlinfsrv's on purpose; docs/differences.md is made of this."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.scoring.differential.environments import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.scoring.differential.servers import Ask, Told

DOCUMENT = ROOT / "docs" / "differences.md"


@dataclass(frozen=True)
class Exchange:
    """One request and both answers."""

    script: str
    ask: Ask
    theirs: Told
    ours: Told

    def differing(self) -> set[str]:
        """Return what differs: status, body, or names of headers."""
        found = set()
        if self.theirs.status != self.ours.status:
            found.add("status")
        if repr(self.theirs.body) != repr(self.ours.body):
            found.add("body")
        one, other = set(self.theirs.headers), set(self.ours.headers)
        return found | {name for name, _ in one ^ other}


@dataclass(frozen=True)
class Difference:
    """One listed difference.

    Attributes:
        covers: Whether it explains something of an exchange.
        fields: What it explains.
    """

    what: str
    theirs: str
    ours: str
    why: str
    covers: Callable[[Exchange], bool]
    fields: frozenset[str]


_BODY = frozenset({"body", "content-length"})
_IDS = frozenset({"x-request-id", "x-ms-request-id", "x-ms-client-request-id"})
_RUN = frozenset({"status", "content-type", "x-ms-run-fn-exec-ms", "x-ms-run-function-failed"})
_CORS = frozenset({"access-control-allow-origin", "vary"})
_ROUTES = ("/", "/score", "/swagger.json")
_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
_FROM_BROWSERS = ("GET", "POST", "OPTIONS", "HEAD")


def _path(exchange: Exchange) -> str:
    return exchange.ask.path.partition("?")[0]


def _header(exchange: Exchange, name: str) -> str | None:
    return next((value for key, value in exchange.ask.headers if key.lower() == name), None)


def _is_raw(exchange: Exchange) -> bool:
    return exchange.script.startswith("raw_")


def _is_form(exchange: Exchange) -> bool:
    kind = (_header(exchange, "content-type") or "").partition(";")[0]
    return kind in _FORMS and not _is_raw(exchange) and exchange.ask.method == "POST"


OWN_MODULES = Difference(
    "A module of the script's folder with a name that the server uses too (`utils`, `config`)",
    "the server's is imported; the script fails",
    "the script's is imported",
    "Scripts must not know how the server is built.",
    lambda _: False,  # theirs does not start
    frozenset(),
)
DIFFERENCES: tuple[Difference, ...] = (
    Difference(
        "Unknown paths",
        "404 with Flask's sentence, without ids and the server's version",
        "404 that names the path and says what to call, with them",
        "An answer without an id cannot be found in logs. Scripts and clients see the same code"
        " and the same JSON object.",
        lambda e: e.theirs.status == 404 and _path(e) not in _ROUTES,
        _BODY | _IDS | _CORS | {"x-ms-server-version", "traceid"},
    ),
    Difference(
        "Methods that a path does not have",
        "405 with Flask's sentence, without ids and the server's version",
        "405 `Method not allowed`, with them; `Allow` tells what run() takes",
        "As above. azmlinfsrv itself has this message for `HEAD /score`.",
        lambda e: e.theirs.status == 405 and e.ours.status == 405,
        _BODY | _IDS | _CORS | {"x-ms-server-version", "traceid", "allow"},
    ),
    Difference(
        "PUT, PATCH and DELETE to a script with `@rawhttp`",
        "405",
        "given to run()",
        "The decorator asks for the request itself, whatever its method.",
        lambda e: _is_raw(e) and _path(e) == "/score" and e.ask.method not in _FROM_BROWSERS,
        _BODY | _IDS | _RUN | {"allow", "x-ms-server-version", "traceid"},
    ),
    Difference(
        "Two slashes as path",
        "200 `Healthy`",
        "404",
        "It is not a route.",
        lambda e: _path(e) == "//",
        _BODY | _RUN,
    ),
    Difference(
        "Form content types (`curl -d` sends one unasked)",
        "run() gets an empty text: Flask has taken the body for a form",
        "run() gets the body",
        "The contract is the whole body as text, whatever its type. An empty text is data lost.",
        _is_form,
        _BODY | _RUN,
    ),
    Difference(
        "Bytes in the query that are not UTF-8",
        "left as `%FF`",
        "replaced by U+FFFD",
        "What Python's own parser does.",
        lambda e: "%FF" in e.ask.path,
        _BODY,
    ),
    Difference(
        "Decorated script, body that is not UTF-8 or nested too deeply",
        "500, an internal error",
        "400 that says what is wrong with the body",
        "It is the client's error, and azmlinfsrv says so for all other bodies that are no JSON.",
        lambda e: (
            e.theirs.status == 500 and e.script.startswith("schema_") and e.ours.status == 400
        ),
        _BODY | {"status"},
    ),
    Difference(
        "Request lines of more than 4,094 bytes",
        "414 of gunicorn's",
        "answered as all others",
        "Queries are data for run().",
        lambda e: e.theirs.status == 414,
        _BODY | _IDS | _RUN | _CORS | {"allow", "x-ms-server-version", "traceid"},
    ),
    Difference(
        "An empty `x-request-id`",
        "no id in the answer",
        "an id is made",
        "An answer without an id cannot be found in logs.",
        lambda e: _header(e, "x-request-id") == "",
        _IDS,
    ),
    OWN_MODULES,
    Difference(
        "A stream made by Flask",
        "sent in chunks",
        "sent at once, with its length",
        "The same bytes. Scripts stream by `yield`.",
        lambda e: e.script == "raw_flask" and "stream" in e.ask.path,
        frozenset({"content-length"}),
    ),
    Difference(
        "TimeoutError raised by the script itself",
        "`Scoring timeout after 3600000 ms`",
        "an error of the script, as all others",
        "azmlinfsrv takes it for its own limit; the message is wrong.",
        lambda e: e.script == "raises" and e.ask.body == b"timeout",
        _BODY,
    ),
)


def unexplained(exchange: Exchange) -> set[str]:
    """Return what differs and is not listed."""
    known = (each.fields for each in DIFFERENCES if each.covers(exchange))
    return exchange.differing().difference(*known)


def document() -> str:
    """Write the list for readers."""
    lines = [
        "# Differences to azmlinfsrv",
        "",
        "`python -m mlmagic.scoring --compat azmlinfsrv` answers as",
        "`azureml-inference-server-http` 1.5.1 does; both get the same requests in",
        "`tests/scoring/differential`. What differs on purpose:",
        "",
        "| | azmlinfsrv | mlmagic | why |",
        "| --- | --- | --- | --- |",
    ]
    rows = (f"| {d.what} | {d.theirs} | {d.ours} | {d.why} |" for d in DIFFERENCES)
    note = "This page is written by `python -m tests.scoring.differential.differences`."
    return "\n".join([*lines, *rows, "", note, ""])


if __name__ == "__main__":
    DOCUMENT.write_text(document(), encoding="utf-8")
    sys.stdout.write(f"{DOCUMENT}\n")
