"""Header fields, as v1's scripts know them."""

from __future__ import annotations

from typing import Any
from wsgiref import headers


class Headers(headers.Headers):
    """Fields by name, whatever the case; a name may come several times."""

    def __getitem__(self, name: str) -> str:
        value = self.get(name)
        if value is None:
            raise KeyError(name)
        return value

    def __setitem__(self, name: str, value: Any) -> None:
        super().__setitem__(name, _one_line(value))

    def __iter__(self) -> Any:
        return iter(self.items())

    def add(self, name: str, value: Any, **parameters: str | None) -> None:
        """Add a field beside those of the same name."""
        self.add_header(name, _one_line(value), **parameters)

    set = __setitem__

    def getlist(self, name: str) -> list[str]:
        """Return all values of a name."""
        return self.get_all(name)

    def remove(self, name: str) -> None:
        """Remove all fields of a name."""
        del self[name]

    def update(self, fields: dict[str, Any]) -> None:
        """Set several fields."""
        for name, value in fields.items():
            self[name] = value

    extend = update


def _one_line(value: Any) -> str:
    text = str(value)
    if "\r" in text or "\n" in text:
        raise ValueError("A header must not hold line ends.")
    return text
