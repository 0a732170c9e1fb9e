"""Users, passwords and signed queries of addresses are neither kept in records nor shown."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mlmagic.addresses import public, without_secrets
from mlmagic.entities import Lineage
from mlmagic.errors import MlmagicError, RegistryError, UnsafeModelError
from mlmagic.registry import ContentStore, Registry, RemoteStore
from mlmagic.registry.downloads import fetch_address

SIGNED = "https://ann:s3cret@data.test/flowers.csv?sig=s3cret"
FLAVOURS = """
flavors:
  sklearn: {sklearn_version: 1.7.0}
"""


def kept(registry, tmp_path):
    """Everything that the workspace wrote, and what is shown of the model."""
    registry.close()
    files = [path.read_bytes() for path in (tmp_path / ".mlmagic").rglob("*.db*")]
    assert files
    return b"".join(files) + repr(registry.list()).encode()


def test_records_hold_no_secrets(registry, tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "MLmodel").write_text(FLAVOURS)
    wheel = "https://ann:s3cret@wheels.test/own-1.0-py3-none-any.whl"
    (folder / "requirements.txt").write_text(f"numpy==2.0\nown @ {wheel}\n")
    with pytest.raises(UnsafeModelError, match=r"'own @ https://.*/requirements\.txt' may not"):
        registry.register(folder, name="net")
    made = registry.register(folder, name="net", trust=True, datasets={"training": [SIGNED]}).model
    assert made.requirements == ("numpy==2.0", f"own @ {wheel.replace('ann:s3cret@', '')}")
    assert made.lineage.datasets == {"training": ("https://data.test/flowers.csv",)}
    registry.update("net", add_datasets={"validation": [SIGNED]})
    assert [model.id for model in registry.list(dataset=SIGNED)] == ["net:1"]
    assert b"s3cret" not in kept(registry, tmp_path)


def test_requirements_of_folders_name_packages(registry, tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "MLmodel").write_text(FLAVOURS)
    told = folder / "requirements.txt"
    told.write_text("# by us\n-c x.txt\nnumpy==2.0 \\\n    --hash=sha256:00\nsix  # why\n")
    said = []
    model = registry.register(folder, name="net", on_event=said.append).model
    assert model.requirements == ("numpy==2.0", "six")
    assert model.facts == {"not required": "-c x.txt"}
    assert said == ["not required, as they name no package: -c x.txt"]
    told.write_text(
        "-e git+https://ann:s3cret@host/own#egg=own\n--index-url https://x\n-r more\nsix\n"
    )
    model = registry.register(folder, name="net").model
    lines = "-e git+https://host/own#egg=own, --index-url https://x, -r more"
    assert (model.facts, model.requirements) == ({"not required": lines}, ("six",))
    for line in ("./own-1.0-py3-none-any.whl", "git+https://evil.test/own", "/srv/own"):
        told.write_text(line)
        with pytest.raises(RegistryError, match="names no package"):
            registry.register(folder, name="net")


def test_parameters_of_runs_hold_no_secrets(registry, tmp_path, weights):
    lineage = Lineage(params={"database": "postgresql://ann:s3cret@db/flowers", "asked": "why?"})
    made = registry.register(weights, name="net", lineage=lineage).model
    assert made.lineage.params == {"database": "postgresql://db/flowers", "asked": "why?"}
    assert b"s3cret" not in kept(registry, tmp_path)


def test_another_registry_brings_no_secrets(registry, tmp_path, weights):
    model = registry.register(weights, name="net").model
    told = replace(
        model,
        name="other",
        lineage=Lineage(datasets={"training": (SIGNED,)}),
        requirements=("own @ https://ann:s3cret@wheels.test/own-1.0-py3-none-any.whl",),
    )
    with pytest.raises(UnsafeModelError, match="requires 'own @ https://wheels"):
        registry.adopt(told, [weights], trust=False)
    adopted = registry.adopt(told, [weights], trust=True).model
    assert adopted.requirements == ("own @ https://wheels.test/own-1.0-py3-none-any.whl",)
    assert b"s3cret" not in kept(registry, tmp_path)


@pytest.mark.parametrize(
    "failing",
    [
        lambda folder: fetch_address("http://ann:s3cret@127.0.0.1:9/m.zip?sig=s3cret", folder),
        lambda folder: fetch_address("git://ann:s3cret@127.0.0.1:9/m", folder),
        lambda folder: RemoteStore("nosuch://ann:s3cret@127.0.0.1:9/ml").sizes(),
        lambda folder: Registry(
            folder, ContentStore(folder), database_url="postgresql://ann:s3cret@127.0.0.1:9/ml"
        ).list(),
    ],
)
def test_messages_show_no_secrets(failing, tmp_path):
    with pytest.raises(MlmagicError) as caught:
        failing(tmp_path)
    assert "s3cret" not in f"{caught.value} {caught.value.hint}"


@pytest.mark.parametrize(
    "place",
    [
        "own @ git+ssh://git@github.test/team/own.git@v1",
        "abfss://data@account.dfs.core.windows.net/flowers.csv",
        "s3://bucket/flowers.csv?versionId=abc",
        "https://data.test/dl?file=own.whl",
    ],
)
def test_what_belongs_to_the_place_is_kept(place):
    assert public(place) == place


@pytest.mark.parametrize(
    ("address", "kept"),
    [
        ("ssh://ann:s3cret@h/p", "ssh://ann@h/p"),
        ("https://s3cret@h/p", "https://h/p"),
        ("https://h/p?X-Amz-Signature=s3cret&X-Amz-Date=1&part=2", "https://h/p?part=2"),
        ("https://h/p?sv=1&sig=s3cret", "https://h/p?sv=1"),
        ("https://h/p?access_token=s3cret#top", "https://h/p#top"),
    ],
)
def test_what_lets_somebody_in_is_not(address, kept):
    assert public(address) == kept
    assert "s3cret" not in without_secrets(address)


@pytest.mark.parametrize(
    ("url", "variable"),
    [
        ("s3://models/ml", "AWS_ACCESS_KEY_ID"),
        ("gs://models/ml", "GOOGLE_APPLICATION_CREDENTIALS"),
        ("abfs://models/ml", "AZURE_STORAGE_ACCOUNT_NAME"),
        ("memory://models/ml", "library"),
    ],
)
def test_credentials_are_asked_for_by_the_names_of_their_store(monkeypatch, url, variable):
    def refuse(*_arguments, **_options):
        raise ValueError("Must provide an account_name with credentials")

    monkeypatch.setattr("fsspec.core.url_to_fs", refuse)
    with pytest.raises(RegistryError, match="refuses the credentials") as caught:
        RemoteStore(url).sizes()
    assert variable in str(caught.value.hint)
