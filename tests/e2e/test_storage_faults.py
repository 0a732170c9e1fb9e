"""A disk that is full or read-only: what cannot be done is told, and nothing is lost."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from mlmagic import Workspace
from mlmagic.entities import ServiceState
from mlmagic.errors import MlmagicError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SCRIPT = "def init():\n    pass\n\ndef run(raw_data):\n    return 1\n"


def mount(*arguments: str) -> None:
    done = subprocess.run(["mount", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        reason = f"no file system can be mounted here: {done.stderr.strip()}"
        if "mount" in os.environ.get("MLMAGIC_REQUIRE", ""):
            pytest.fail(reason)
        pytest.skip(reason)


class Disk:
    """A small disk with a workspace in which a service runs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.workspace = Workspace.create(folder)
        (folder / "score.py").write_text(SCRIPT)
        (folder / "model.bin").write_bytes(b"model")
        self.workspace.register_model(folder / "model.bin", name="tiny")
        self.deploy("svc").wait_for_deployment()

    def deploy(self, name: str, **options: Any) -> Any:
        script = self.folder / "score.py"
        return self.workspace.deploy(
            name, script=script, environment="minimal", wait=False, **options
        )

    def fill(self) -> None:
        with (self.folder / "fill").open("wb", buffering=0) as stream:
            try:
                while stream.write(bytes(4096)):
                    pass
            except OSError:
                pass

    @property
    def changes(self) -> dict[str, Callable[[], object]]:
        """Everything that writes into the workspace."""
        workspace, folder = self.workspace, self.folder
        return {
            "define_environment": lambda: workspace.define_environment("mine", "six"),
            "clone_environment": lambda: workspace.clone_environment("minimal", "mine"),
            "keep_configuration": lambda: workspace.keep_configuration(
                "deployment", "dc", "computeType: local"
            ),
            "capture_script": lambda: workspace.capture_script(
                SCRIPT, file=str(folder / "new.py"), environment="minimal"
            ),
            "record_script": lambda: workspace.capture_script(
                SCRIPT, file=str(folder / "score.py"), environment="minimal", trial=False
            ),
            "register": lambda: workspace.register_model({"a": [1] * 3000}, name="other"),
            "update_model": lambda: workspace.update_model("tiny", add_tags={"a": "b" * 9000}),
            "download_model": lambda: workspace.download_model("tiny", target_dir=folder / "to"),
            "deploy": lambda: self.deploy("other"),
            "update": lambda: self.deploy("svc", variables={"LONG": "x" * 9000}),
            "lock": lambda: workspace.deploy("third", script=folder / "score.py", wait=False),
            "regenerate_key": lambda: workspace.regenerate_key("svc", "Primary"),
            "stop": lambda: workspace.stop_service("svc"),
            "reload": lambda: workspace.reload_service("svc"),
            "create": lambda: Workspace.create(folder / "below"),
        }

    def refuses(self, name: str, *words: str) -> None:
        with pytest.raises(MlmagicError) as caught:
            self.changes[name]()
        told = str(caught.value).lower()
        assert any(word in told for word in words), told
        assert "none" not in told
        assert "damaged" not in told


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    if sys.platform != "linux" or shutil.which("mount") is None:
        pytest.skip("a small disk is made by Linux' mount")
    folder = tmp_path / "disk"
    folder.mkdir()
    mount("-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder))
    try:
        made = Disk(folder)
        monkeypatch.chdir(folder)
        yield made
        for service in Workspace(folder).list_services():
            service.delete()
        made.workspace.registry.close()
    finally:
        monkeypatch.undo()
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_disk(disk: Disk) -> None:
    keys = disk.workspace.service_keys("svc")
    disk.fill()
    for name in disk.changes:
        disk.refuses(name, "full", "no space")
    service = Workspace(disk.folder).show_service("svc")
    assert service.run("") == 1
    assert service.get_keys() == keys
    (disk.folder / "fill").unlink()
    again = Workspace(disk.folder)
    assert [model.id for model in again.list_models()] == ["tiny:1"]
    assert again.verify_models().damaged == {}
    assert [each.name for each in again.list_services()] == ["svc"]
    assert disk.deploy("svc").outcome == "unchanged"


def test_deleting_a_service_makes_room_on_a_full_disk(disk: Disk) -> None:
    disk.fill()
    service = disk.workspace.show_service("svc")
    service.delete()
    assert service.state is ServiceState.DELETED
    assert not (disk.workspace.state_directory / "services" / "svc").exists()


def test_a_read_only_workspace(disk: Disk) -> None:
    disk.workspace.registry.close()
    # The service's own files stay writable: only what is opened from here on is refused.
    mount("--bind", str(disk.folder), str(disk.folder))
    try:
        mount("-o", "remount,bind,ro", str(disk.folder))
        os.chdir(disk.folder)
        disk.workspace = Workspace(disk.folder)
        for name in disk.changes:
            disk.refuses(name, "read-only", "cannot be written", "readonly")
        service = disk.workspace.show_service("svc")
        with pytest.raises(MlmagicError, match=r"cannot be changed.*ead-only"):
            service.delete()
        assert service.run("") == 1
        assert [model.id for model in disk.workspace.list_models()] == ["tiny:1"]
        assert disk.workspace.list_environments()
        assert disk.workspace.verify_models().damaged == {}
    finally:
        disk.workspace.registry.close()
        os.chdir("/")
        subprocess.run(["umount", "--lazy", str(disk.folder)], check=True)
    assert disk.folder.joinpath(".mlmagic").is_dir()
    assert [each.id for each in Workspace(disk.folder).list_models()] == ["tiny:1"]
