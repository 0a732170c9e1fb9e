"""The same scoring request as code, in the languages that clients are written in.

The key is read from the environment variable ``SERVICE_KEY``, so that code can be shared and saved.
"""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from string import Template
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

KEY_VARIABLE = "SERVICE_KEY"


@dataclass(frozen=True, kw_only=True)
class Call:
    """A scoring request.

    Attributes:
        uri: Where the service scores.
        body: The request as text.
        media_type: Its ``Content-Type``.
        wants_key: Whether the service asks for a key.
    """

    uri: str
    body: str
    media_type: str = "application/json"
    wants_key: bool = True


def render(language: str, call: Call) -> str:
    r"""Return a complete program, or command, that makes a call and prints the answer.

    Args:
        language: One of `LANGUAGES`.
        call: What to ask.

    Raises:
        KeyError: There is no such language.

    Example:
        >>> call = Call(uri="http://127.0.0.1:8000/score", body="[1]", wants_key=False)
        >>> print(render("curl", call))
        curl -sS http://127.0.0.1:8000/score \
          -H 'Content-Type: application/json' \
          --data-binary '[1]'
    """
    return LANGUAGES[language](call)


def _curl(call: Call) -> str:
    parts = [f"curl -sS {shlex.quote(call.uri)}"]
    if call.wants_key:
        parts.append(f'-H "Authorization: Bearer ${KEY_VARIABLE}"')
    parts.append(f"-H {shlex.quote(f'Content-Type: {call.media_type}')}")
    parts.append(f"--data-binary {shlex.quote(call.body)}")
    return " \\\n  ".join(parts)


def _csharp_text(text: str) -> str:
    return '@"' + text.replace('"', '""') + '"'


def _json_text(text: str) -> str:
    """Quote as JSON does; JavaScript, Go and Java read that, too."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _filled(template: str, key: str, quote: Callable[[str], str] = _json_text) -> _Renderer:
    """Return what fills a template; ``key`` is the text that adds the key."""

    def fill(call: Call) -> str:
        return Template(template.lstrip("\n")).substitute(
            uri=quote(call.uri),
            body=quote(call.body),
            media_type=quote(call.media_type),
            key=key.format(variable=KEY_VARIABLE) if call.wants_key else "",
            os="import os\n" if call.wants_key else "",
            go_os='\t"os"\n' if call.wants_key else "",
        )

    return fill


_PYTHON = """
${os}import urllib.request

request = urllib.request.Request(
    ${uri},
    data=${body}.encode(),
    headers={"Content-Type": ${media_type}${key}},
)
with urllib.request.urlopen(request) as answer:
    print(answer.read().decode())
"""

_JAVASCRIPT = """
const answer = await fetch(${uri}, {
  method: "POST",
  headers: { "Content-Type": ${media_type}${key} },
  body: ${body},
});
console.log(answer.status, await answer.text());
"""

_CSHARP = """
using System;
using System.Net.Http;
using System.Text;

using var client = new HttpClient();
using var request = new HttpRequestMessage(HttpMethod.Post, ${uri});
request.Content = new StringContent(${body}, Encoding.UTF8);
request.Content.Headers.Remove("Content-Type");
request.Content.Headers.TryAddWithoutValidation("Content-Type", ${media_type});
${key}using var answer = await client.SendAsync(request);
Console.WriteLine(await answer.Content.ReadAsStringAsync());
"""

_GO = """
package main

import (
\t"fmt"
\t"io"
\t"net/http"
${go_os}\t"strings"
)

func main() {
\trequest, err := http.NewRequest("POST", ${uri}, strings.NewReader(${body}))
\tif err != nil {
\t\tpanic(err)
\t}
\trequest.Header.Set("Content-Type", ${media_type})
${key}\tanswer, err := http.DefaultClient.Do(request)
\tif err != nil {
\t\tpanic(err)
\t}
\tdefer answer.Body.Close()
\tbody, err := io.ReadAll(answer.Body)
\tif err != nil {
\t\tpanic(err)
\t}
\tfmt.Println(string(body))
}
"""

_JAVA = """
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;

public class Score {
    public static void main(String[] arguments) throws Exception {
        HttpRequest request = HttpRequest.newBuilder(URI.create(${uri}))
                .header("Content-Type", ${media_type})
${key}                .POST(HttpRequest.BodyPublishers.ofString(${body}))
                .build();
        HttpResponse<String> answer = HttpClient.newHttpClient()
                .send(request, HttpResponse.BodyHandlers.ofString());
        System.out.println(answer.body());
    }
}
"""

if TYPE_CHECKING:
    _Renderer = Callable[[Call], str]

LANGUAGES: dict[str, _Renderer] = {
    "curl": _curl,
    "Python": _filled(
        _PYTHON,
        ', "Authorization": "Bearer " + os.environ["{variable}"]',
        repr,
    ),
    "JavaScript": _filled(_JAVASCRIPT, ", Authorization: `Bearer ${{process.env.{variable}}}`"),
    "C#": _filled(
        _CSHARP,
        'request.Headers.Add("Authorization", "Bearer " + '
        'Environment.GetEnvironmentVariable("{variable}"));\n',
        _csharp_text,
    ),
    "Go": _filled(
        _GO,
        '\trequest.Header.Set("Authorization", "Bearer "+os.Getenv("{variable}"))\n',
        _json_text,
    ),
    "Java": _filled(
        _JAVA,
        '                .header("Authorization", "Bearer " + System.getenv("{variable}"))\n',
        _json_text,
    ),
}
