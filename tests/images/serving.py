"""Containers as a user starts them."""

from __future__ import annotations

import json
import time
import urllib.request
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.engine.fixtures import TestEngine

SCRIPT = """
import json
import os

def init():
    global words
    folder = os.environ["AZUREML_MODEL_DIR"]
    with open(os.path.join(folder, "words.txt")) as file:
        words = file.read()

def run(raw_data):
    return {**json.loads(raw_data), "words": words}
"""
ANSWER = {"x": 2, "words": "some words"}


def serve(docker_engine: TestEngine, image: str, *, key: str = "", **options: Any) -> Any:
    """Start a container as ``docker run -p`` does, and score ``{"x": 2}``.

    Returns:
        The decoded answer; what the container wrote, where it does not become ready.
    """
    container = docker_engine.client.containers.run(
        image, detach=True, ports={"5001/tcp": ("127.0.0.1", None)}, **options
    )
    try:
        for _ in range(2400):
            container.reload()
            ports = container.ports.get("5001/tcp")
            if ports and "Ready" in container.logs().decode():
                request = urllib.request.Request(
                    f"http://127.0.0.1:{ports[0]['HostPort']}/score",
                    b'{"x": 2}',
                    {"Authorization": f"Bearer {key}"} if key else {},
                )
                with urllib.request.urlopen(request, timeout=30) as answer:
                    return json.load(answer)
            if container.status == "exited":
                break
            time.sleep(0.05)
        return container.logs().decode()
    finally:
        container.remove(force=True)
