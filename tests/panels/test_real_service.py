"""The panel of a real local service, with the real watcher and IPython's own display."""

from __future__ import annotations

import base64
import threading
from typing import TYPE_CHECKING

import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

from mlmagic.panels import display_service
from mlmagic.panels.service import ServicePanel
from mlmagic.registry import ContentStore
from mlmagic.testing import ServiceKit

if TYPE_CHECKING:
    from collections.abc import Iterator

SECONDS = 120


@pytest.fixture
def kit(tmp_path, environments, lock) -> Iterator[ServiceKit]:
    content = ContentStore(tmp_path / "content")
    kit = ServiceKit(tmp_path / "services", content=content, environments=environments, lock=lock)
    yield kit
    for service in kit.services.list():
        service.delete()


def wait_for(panel: ServicePanel, condition) -> None:
    """Wait for the watcher to bring what is waited for."""
    came = threading.Event()
    panel.observe(lambda _change: condition(panel) and came.set(), ["snapshot", "tail"])
    assert condition(panel) or came.wait(SECONDS), panel.snapshot


def is_in(state: str):
    return lambda panel: panel.snapshot["state"] == state


def test_follows_a_service_up_scores_with_it_and_sees_it_deleted(kit):
    service = kit.services.submit(kit.spec(sample=b'{"data": [1, 2]}'))
    panel = ServicePanel(service)
    try:
        wait_for(panel, is_in("Healthy"))
        wait_for(panel, lambda panel: panel.tail["lines"])
        assert panel.snapshot["scoringUri"].endswith("/score")
        assert panel.snapshot["replicas"][0]["ready"]
        score, json_type = panel.commands["try"], "application/json"
        sample = panel.snapshot["sample"]["text"]
        assert score({"body": sample, "mediaType": json_type})["body"] == sample
        assert score({"body": "not json", "mediaType": json_type})["status"] == 500
        file = {"file": base64.b64encode(b'{"data": 7}').decode(), "mediaType": json_type}
        answer = score(file)
        assert answer["body"] == '{"data": 7}'
        assert ["content-type", json_type] in answer["headers"]
        schema = panel.commands["schema"]({})["schema"]
        assert schema["example"] == {"data": [1, 2]}
        key = panel.commands["keys"]({})["primary"]
        assert key
        assert key not in str(panel.get_state())
        service.delete()
        wait_for(panel, is_in("Deleted"))
    finally:
        panel.close()


def test_a_failing_script_brings_its_traceback(kit):
    script = "def init():\n    raise ValueError('no weights')\n\ndef run(raw_data):\n    return 1\n"
    panel = ServicePanel(kit.services.submit(kit.spec(script)))
    try:
        wait_for(panel, is_in("Failed"))
        assert panel.snapshot["reason"] == "InitFailed"
        assert "ValueError: no weights" in panel.snapshot["traceback"]
    finally:
        panel.close()


def test_is_shown_as_html_headless_and_as_a_widget_live(kit):
    service = kit.services.submit(kit.spec())
    service.wait_for_deployment(timeout_sec=SECONDS)
    shell = InteractiveShell.instance()
    try:
        with capture_output() as shown:
            display_service(service, live=False)
            display_service(service)
            display_service(service)
    finally:
        shell.clear_instance()
    headless, first, second = (output.data for output in shown.outputs)
    service_json = "application/vnd.mlmagic.service+json"
    assert set(headless) == {"text/plain", "text/html", service_json}
    assert headless[service_json]["state"] == "Healthy"
    view = "application/vnd.jupyter.widget-view+json"
    assert set(first) == {*headless, view}
    assert first[view]["model_id"] == second[view]["model_id"]
