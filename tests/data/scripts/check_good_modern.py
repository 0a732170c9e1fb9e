"""Comments like !ls, and text such as:

%matplotlib inline
!pip install x
help?
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

HERE = Path(__file__).parent
SIZES = {name: [i for i in range(n) if i % 2] for name, n in [("a", 3), ("b", 4)]}
total = (10
    % 3)


@dataclass
class Row:
    name: str
    values: list[float] = field(default_factory=list)
    limit = 3
    doubled = limit * 2

    def frame(self) -> pd.DataFrame:
        return __class__.__name__, self.limit


class Counter:
    seen = 0
    names = [__qualname__, __module__]

    def __call__(self):
        nonlocal_value = 0

        def inner():
            nonlocal nonlocal_value
            nonlocal_value += 1
            return nonlocal_value

        return inner()


def init() -> None:
    globals()["late"] = Counter()
    if "display" in globals():
        display("in a notebook")
    try:
        get_ipython()
    except NameError:
        pass
    try:
        settings = open("settings.toml").read()
    except FileNotFoundError:
        settings = ""
    with open("log.txt", "w") as stream:
        stream.write(settings)


def run(data: str, request_headers: dict | None = None, *, limit: int = 3) -> list:
    if (size := len(data)) > limit:
        late()
    match data:
        case [first, *rest]:
            return [first, rest]
        case {"key": value, **others}:
            return [value, others]
        case str() as text:
            return [text, size]
    for index, (left, right) in enumerate(zip(data, data)):
        print(index, left, right)
    else:
        del index
    return [row for row in (lambda d: d)(data)] + list(map(str, sorted(data, key=lambda c: -ord(c))))


if __name__ == "__main__":
    init()
    print(run(open("sample.json").read()), only_for_tests)
