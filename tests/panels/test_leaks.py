"""Panels that are opened and closed leave nothing behind."""

from __future__ import annotations

import gc
import threading
from weakref import WeakSet

import comm
import pytest
from ipywidgets.widgets.widget import _instances

from mlmagic import Workspace
from mlmagic.errors import ModelNotFoundError
from mlmagic.panels.models import ModelsPanel
from mlmagic.panels.service import ServicePanel
from mlmagic.panels.services import ServicesPanel
from mlmagic.registry import ContentStore
from mlmagic.testing import ServiceKit
from mlmagic.testing.contract import until

CYCLES = 50


def test_fifty_cycles_leave_no_thread_and_no_comm(tmp_path, environments, lock):
    content = ContentStore(tmp_path / "content")
    kit = ServiceKit(tmp_path / "services", content=content, environments=environments, lock=lock)
    service = kit.services.submit(kit.spec())
    service.wait_for_deployment(timeout_sec=120)
    threads = set(threading.enumerate())
    comms, widgets = len(comm.get_comm_manager().comms), len(_instances)
    opened: WeakSet[object] = WeakSet()
    for _ in range(CYCLES):
        panel = ServicePanel(service)
        panel._answer({"id": "1", "kind": "keys"})
        panel._workers.submit(panel.commands["keys"], {}).result()
        panel.close()
        other = ServicesPanel(Workspace(tmp_path))
        other.close()
        models = ModelsPanel(Workspace(tmp_path))
        models._deploy({"id": "iris:1"})
        models._deploy({"id": "iris:2"})
        models.close()
        opened.update((panel, other, models))
    del panel, other, models
    until(lambda: not [t for t in set(threading.enumerate()) - threads if "mlmagic" in t.name])
    assert len(comm.get_comm_manager().comms) == comms
    assert len(_instances) == widgets
    gc.collect()
    assert not opened  # nor the handles that they have, which keep port-forwards
    service.delete()


def test_a_version_that_was_deleted_elsewhere_is_not_kept_open(tmp_path):
    workspace = Workspace.create(tmp_path)
    for text in "123":
        (tmp_path / "weights.txt").write_text(text)
        workspace.register_model(tmp_path / "weights.txt", name="weights")
    panel = ModelsPanel(workspace)
    panel.commands["open"]({"id": "weights:3"})
    workspace.delete_model("weights:3")
    until(lambda: not panel.opened)
    panel.commands["open"]({"id": "weights:1"})
    workspace.delete_model("weights:1")
    with pytest.raises(ModelNotFoundError):
        panel.commands["details"]({"id": panel.opened})
    assert not panel.opened
    panel.close()
