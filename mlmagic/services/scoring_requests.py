"""Requests to a service: bodies from live objects, answers as Python values."""

from __future__ import annotations

import http.client
import json
import ssl
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from mlmagic.addresses import connection_to, without_secrets
from mlmagic.errors import RegistryError, ScoringError, ServiceUnavailableError, UsageError

JSON_TYPE = "application/json"
BYTES_TYPE = "application/octet-stream"
_DESCRIPTION_SECONDS = 5.0


@dataclass(frozen=True)
class Answer:
    """What a service answered.

    Attributes:
        headers: As they were sent, in their order.
    """

    status: int
    media_type: str
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The body as text, whatever it is."""
        return self.body.decode(errors="replace")


def encode(data: Any) -> tuple[bytes, str]:
    """Turn data into a request body and its media type.

    Text goes out as it is, bytes too; data frames, arrays and JSON values as samples do.

    Raises:
        UsageError: The value has no JSON form.
    """
    from mlmagic.registry.samples import read_sample

    if isinstance(data, str):
        return data.encode(), JSON_TYPE
    try:
        sample = read_sample(data)
    except RegistryError as error:
        raise UsageError(error.message.replace("The sample", "The data", 1), hint=error.hint) from (
            error
        )
    return sample.body, BYTES_TYPE if sample.kind == "bytes" else JSON_TYPE


def post(uri: str, body: bytes, media_type: str, *, key: str | None, timeout: float) -> Answer:
    """Post a body.

    Raises:
        ServiceUnavailableError: No connection, or no answer in time.
    """
    headers = {"Content-Type": media_type}
    if key is not None:
        headers["Authorization"] = f"Bearer {key}"
    try:
        with closing(connection_to(uri, seconds=timeout)) as connection:
            connection.request("POST", urlsplit(uri).path, body=body, headers=headers)
            answer = connection.getresponse()
            return Answer(
                answer.status,
                answer.headers.get_content_type(),
                answer.read(),
                dict(answer.getheaders()),
            )
    except ssl.SSLCertVerificationError as error:
        raise ServiceUnavailableError(
            f"The certificate of the service at '{uri}' is not trusted: {error.verify_message}.",
            hint="Name the file of its certificate authority in REQUESTS_CA_BUNDLE.",
        ) from error
    except TimeoutError as error:
        raise ServiceUnavailableError(
            f"The service at '{uri}' did not answer within {timeout:g} s.",
            hint="Give run() a longer timeout, or look at the log.",
        ) from error
    except ConnectionResetError as error:  # http.client's RemoteDisconnected is one
        raise ServiceUnavailableError(
            f"The service at '{uri}' broke off without an answer.",
            hint="Its process may have crashed: look at the log.",
        ) from error
    except (OSError, http.client.HTTPException) as error:
        raise ServiceUnavailableError(
            f"The service at '{uri}' cannot be reached: {error}."
        ) from error


def decode(answer: Answer, name: str) -> Any:
    """Return the value of an answer: JSON decoded, other text or bytes as they are.

    Raises:
        ScoringError: The service answered with an error.
    """
    if answer.status >= http.HTTPStatus.MULTIPLE_CHOICES:
        raise ScoringError(
            f"Service '{name}' answered {answer.status}: {_reason(answer)}",
            status=answer.status,
            body=answer.text,
            hint=f"The log may tell more: %ml service logs {name} --tail 50",
        )
    if answer.media_type == JSON_TYPE:
        return json.loads(answer.body)
    return answer.text if answer.media_type.startswith("text/") else answer.body


def input_schema(base: str, key: str | None) -> dict[str, Any]:
    """Return the JSON Schema of a service's requests, as its own description tells it.

    Args:
        base: Address of the service, without a path.
        key: A key of the service, where it wants one.

    Returns:
        Empty where the service does not tell.
    """
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
    path = f"{urlsplit(base).path}/swagger.json?version=3"
    try:
        with closing(connection_to(base, seconds=_DESCRIPTION_SECONDS)) as connection:
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            document = json.loads(answer.read()) if answer.status == http.HTTPStatus.OK else {}
        schema = document["components"]["schemas"]["ServiceInput"]
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError):
        return {}
    return schema if isinstance(schema, dict) else {}


def _reason(answer: Answer) -> str:
    """Return the message of an error answer as a sentence."""
    if answer.status < http.HTTPStatus.BAD_REQUEST:
        return f"it is at '{without_secrets(answer.headers.get('Location', ''))}'."
    text = answer.text
    try:
        content = json.loads(text)
    except ValueError:
        content = None
    if isinstance(content, dict) and isinstance(content.get("message"), str):
        text = content["message"]
    text = text.strip()
    return text if text.endswith(".") else f"{text}."
