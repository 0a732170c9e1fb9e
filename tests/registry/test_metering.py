"""A registration tells how far it is, and ends where another thread cancels it."""

from __future__ import annotations

import zipfile

import pytest

from mlmagic.errors import RegistrationCancelledError
from mlmagic.registry import ContentStore, Meter, Registry, RemoteStore, remote

SIZE = 3 << 20


def cancelling(stage: str) -> Meter:
    """A meter that is cancelled, as from another thread, when a stage has got somewhere."""

    def notice(meter: Meter) -> None:
        if meter.stage == stage and meter.done:
            meter.cancel()

    return Meter(notice)


@pytest.fixture
def model(tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    for number, name in enumerate("abc"):
        (folder / name).write_bytes(bytes([255 - number]) * SIZE)
    return folder


@pytest.mark.parametrize("stage", ["inspecting", "reading", "copying", "uploading"])
def test_what_is_cancelled_leaves_nothing_visible(place, stage, model):
    if place.store_url is None and stage == "uploading":
        stage = "copying"  # nothing is uploaded
    registry = place.member()
    with pytest.raises(RegistrationCancelledError):
        registry.register(model, name="net", meter=cancelling(stage))
    assert registry.names() == []
    assert registry.content.temporaries() == []
    assert registry.verify().ok
    assert registry.register(model, name="net").model.version == 1
    assert registry.verify().ok


def test_stages_are_told_in_bytes_up_to_their_end(place, model):
    heard = {}

    def hear(meter):
        heard.setdefault(meter.stage, []).append((meter.done, meter.total))

    registry = place.member()
    registry.register(model, name="net", meter=Meter(hear))
    stages = ["inspecting", "reading", "copying"]
    assert list(heard) == stages + ["uploading"] * (place.store_url is not None)
    for told in heard.values():
        assert told[0] == (0, 3 * SIZE)
        assert told[-1] == (3 * SIZE, 3 * SIZE)
        assert told == sorted(told)


def test_a_cancelled_upload_in_parts_takes_them_back(team, s3, monkeypatch):
    monkeypatch.setattr(remote, "_PART", 5 << 20)  # S3's least
    registry = team.member()
    big = team.folder / "big"
    with big.open("wb") as stream:
        stream.truncate(48 << 20)
    with pytest.raises(RegistrationCancelledError):
        registry.register(big, name="net", meter=cancelling("uploading"))
    assert registry.names() == []
    assert s3.objects(team.store_url) == s3.parts(team.store_url) == []
    assert registry.register(big, name="net").model.version == 1
    assert registry.verify().ok


def test_a_cancelled_upload_to_a_folder_leaves_no_part(tmp_path):
    store = RemoteStore(f"file://{tmp_path}/store")
    registry = Registry(tmp_path / "one", ContentStore(tmp_path / "one/content", remote=store))
    big = tmp_path / "big"
    with big.open("wb") as stream:
        stream.truncate(48 << 20)
    with pytest.raises(RegistrationCancelledError):
        registry.register(big, name="net", meter=cancelling("uploading"))
    assert registry.names() == []
    assert [path for path in (tmp_path / "store").rglob("*") if path.is_file()] == []
    assert registry.register(big, name="net").model.version == 1
    assert registry.verify().ok
    registry.close()


def test_a_cancelled_download_leaves_nothing(workspace, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path / "scratch"))
    monkeypatch.setattr("tempfile.tempdir", None)
    (tmp_path / "scratch").mkdir()
    with zipfile.ZipFile(tmp_path / "model.zip", "w") as archive:
        archive.writestr("model/weights.bin", bytes([255]) * SIZE)
    address = f"file://{tmp_path}/model.zip"
    with pytest.raises(RegistrationCancelledError):
        workspace.register_model(address, name="net", meter=cancelling("downloading"))
    assert workspace.list_models() == []
    assert list((tmp_path / "scratch").iterdir()) == []
    assert workspace.register_model(address, name="net").model.version == 1
