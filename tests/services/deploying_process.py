"""A process that deploys: ``deploying_process.py ARGUMENTS.json``.

With ``hang`` it stays in the middle of a deployment, before or after the target has acted, and
says so; else it ends when the deployment is submitted.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from mlmagic.entities import Lock
from mlmagic.environments import Environments
from mlmagic.files import read_record
from mlmagic.registry import ContentStore
from mlmagic.targets import LocalTarget
from mlmagic.testing import ServiceKit


class HangingTarget(LocalTarget):
    """Stays in the middle."""

    hang = ""

    def create(self, *arguments: Any, **options: Any) -> None:
        self._act(super().create, *arguments, **options)

    def update(self, *arguments: Any, **options: Any) -> None:
        self._act(super().update, *arguments, **options)

    def _act(self, act: Any, *arguments: Any, **options: Any) -> None:
        if self.hang == "after":
            act(*arguments, **options)
        if self.hang:
            print("in the middle", flush=True)  # noqa: T201
            time.sleep(600)
        act(*arguments, **options)


def main(arguments: dict[str, Any]) -> None:
    root, cache = Path(arguments["root"]), Path(arguments["cache"])
    environments = Environments(root.parent / "environments", cache, root.parent)
    content = ContentStore(Path(arguments["content"]))
    target = HangingTarget(root, content=content, environments=environments)
    target.hang = arguments["hang"]
    kit = ServiceKit(
        root,
        content=content,
        environments=environments,
        lock=read_record(Path(arguments["lock"]), Lock),
        targets={"local": target},
    )
    for script in arguments["scripts"]:
        kit.services.submit(kit.spec(script))


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text()))
