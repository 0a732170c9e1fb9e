"""How the text of an option becomes a value.

A reader takes what the user wrote - text on a line, or a value of a JSON or YAML file - and
returns the value, or raises ValueError with the rule in words.
"""

from __future__ import annotations

import json
import re
import sys
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

_QUANTITY = re.compile(r"(?P<number>\d+(\.\d*)?|\.\d+)(?P<unit>[A-Za-z]*)")
_UNITS = {
    "m": Decimal("0.001"),
    "": Decimal(1),
    "k": Decimal(10**3),
    "M": Decimal(10**6),
    "G": Decimal(10**9),
    "T": Decimal(10**12),
    "Ki": Decimal(2**10),
    "Mi": Decimal(2**20),
    "Gi": Decimal(2**30),
    "Ti": Decimal(2**40),
}
_TRUTH = {"true": True, "yes": True, "on": True, "1": True} | {
    "false": False,
    "no": False,
    "off": False,
    "0": False,
}


def parse_quantity(text: str) -> Decimal:
    """Return the number behind a Kubernetes quantity.

    Args:
        text: Such as ``512Mi``, ``1G`` (10⁹) or ``500m``.

    Raises:
        ValueError: It is none; says the nearest that is.

    Example:
        >>> parse_quantity("512Mi"), parse_quantity("500m")
        (Decimal('536870912'), Decimal('0.500'))
    """
    match = _QUANTITY.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"'{text}' is not a quantity such as '512Mi', '1G' or '500m'")
    number, unit = match["number"], match["unit"]
    if unit not in _UNITS:
        prefix = unit[:1].upper()
        near = f"'{number}{prefix}' or '{number}{prefix}i'" if prefix in "KMGT" else "'512Mi'"
        near = near.replace("K'", "k'")
        raise ValueError(f"'{text}' is not a quantity; did you mean {near}?")
    return Decimal(number) * _UNITS[unit]


def read_quantity(value: Any) -> str:
    """Check a quantity and return it as text."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise ValueError(  # noqa: TRY004 - readers speak by ValueError alone
            f"'{value}' is not a quantity such as '512Mi', '1G' or '500m'"
        )
    text = f"{value}".strip()
    if parse_quantity(text) <= 0:
        raise ValueError(f"'{text}' is not above zero")
    return text


def gigabytes(value: float) -> str:
    """Turn Azure ML v1's decimal gigabytes into a quantity: ``0.5`` is ``500M``."""
    return f"{round(Decimal(str(value)) * 1000)}M"


def auth_of(enabled: bool) -> str:  # noqa: FBT001 - it is the value of a file, not an argument
    """Turn v1's ``authEnabled`` into ours."""
    return "key" if enabled else "none"


def read_quantities(value: Any) -> str:
    """Check a quantity, or two with a colon between them, and return the text."""
    return ":".join(read_quantity(part) for part in f"{value}".split(":", 1))


def target_of(compute_type: str) -> str:
    """Take v1's ``computeType`` in any case; settings say which target ``aci`` and ``aks`` are.

    Raises:
        ValueError: It is v1's endpoint of several versions.
    """
    if compute_type.lower() == "aksendpoint":
        raise ValueError(
            "'aksendpoint' of Azure ML v1 is not here. Deploy each version as a service of its own "
            "on 'aks'; an Ingress or Gateway of the cluster can split the traffic between them"
        )
    return compute_type.lower()


def last_part(resource_id: str) -> str:
    """Return the name at the end of a cloud's resource id."""
    return resource_id.rstrip("/").rpartition("/")[2]


def model_of_metadata(file: str) -> str:
    """Return the model that a metadata file of Azure ML v1 names.

    Raises:
        ValueError: It cannot be read, or names none.
    """
    return _from_metadata(file, "modelId")


def run_of_metadata(file: str) -> str:
    """Return the id of the run that a metadata file of Azure ML v1 names.

    Raises:
        ValueError: It cannot be read, or names none.
    """
    return _from_metadata(file, "run_id")


def _from_metadata(file: str, key: str) -> str:
    document = _json_object(file)
    if not document.get(key):
        raise ValueError(f"the file '{file}' has no key '{key}'")
    return f"{document[key]}"


def _json_object(file: str) -> dict[str, Any]:
    try:
        document = json.loads(Path(file).expanduser().read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ValueError(f"the file '{file}' cannot be read ({error.strerror})") from None
    except ValueError as error:
        raise ValueError(f"the file '{file}' is not JSON ({error})") from None
    if not isinstance(document, dict):
        raise ValueError(f"the file '{file}' holds no object")  # noqa: TRY004 - as above
    return document


def read_text(value: Any) -> str:
    """Take text as it is; refuse lists and objects of a file."""
    if isinstance(value, (dict, list)):
        raise ValueError(f"'{value}' is not text")  # noqa: TRY004 - as above
    return value if isinstance(value, str) else f"{value}"


def read_integer(value: Any) -> int:
    """Take a whole number, or text of one."""
    try:
        if isinstance(value, str):
            return int(value)
        if isinstance(value, bool) or int(value) != value:
            raise ValueError
        return int(value)
    except (ValueError, TypeError):
        raise ValueError(f"'{value}' is not a whole number") from None


def read_number(value: Any) -> float:
    """Take a number above zero, or text of one."""
    try:
        if isinstance(value, bool) or (number := float(value)) <= 0:
            raise ValueError
    except (ValueError, TypeError):
        raise ValueError(f"'{value}' is not a number above zero") from None
    return number


def read_boolean(value: Any) -> bool:
    """Take true or false, in the usual spellings."""
    truth = _TRUTH.get(f"{value}".lower())
    if truth is None:
        raise ValueError(f"'{value}' is neither 'true' nor 'false'")
    return truth


def read_pair(value: Any) -> tuple[str, str]:
    """Take ``KEY=VALUE``."""
    key, equals, content = read_text(value).partition("=")
    if not equals or not key:
        raise ValueError(f"'{value}' is not of the form KEY=VALUE")
    return key, content


def read_body(value: str) -> str | bytes:
    """Take the body of a request: ``@FILE``, ``-`` for the standard input, or the text itself.

    Bytes are returned where a file is not UTF-8.
    """
    if value == "-":
        return sys.stdin.read()
    if not value.startswith("@"):
        return value
    path = Path(value[1:])
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ValueError(f"the file '{path}' cannot be read ({error.strerror})") from None
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content


def read_sample(text: str) -> Any:
    """Take a sample input from ``@FILE`` (JSON, or bytes of any kind) or from JSON text.

    Raises:
        ValueError: It is neither.
    """
    body = read_body(text) if text.startswith("@") else text
    try:
        return json.loads(body)
    except ValueError as error:
        if text.startswith("@"):
            return body if isinstance(body, bytes) else body.encode()
        hint = f"; write '@{text}' for the file" if Path(text).is_file() else ""
        raise ValueError(f"'{_short(text)}' is not JSON ({error}){hint}") from None


def _short(text: str, length: int = 40) -> str:
    return text if len(text) <= length else text[:length] + "…"


READERS: dict[str, Callable[[Any], Any]] = {
    "body": read_body,
    "boolean": read_boolean,
    "integer": read_integer,
    "number": read_number,
    "pair": read_pair,
    "quantities": read_quantities,
    "quantity": read_quantity,
}
