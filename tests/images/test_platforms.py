"""Images for other platforms than this machine's, and packages that cannot be had for them."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
import zipfile
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from mlmagic import Workspace
from mlmagic.entities import Environment
from mlmagic.errors import ConfigurationError, ImageBuildError, ImagePullError
from mlmagic.images import Images
from mlmagic.images.bases import architecture_of
from mlmagic.images.images import host_architecture
from mlmagic.options.images import PACKAGE
from tests.images.disk_bases import tar, write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mlmagic.environments import Environments
    from mlmagic.testing import ServiceKit

# https://refspecs.linuxfoundation.org/elf/gabi4+/ch4.eheader.html: e_machine lies at 18.
ELF, AARCH64 = b"\x7fELF", (183).to_bytes(2, "little")
X86_64 = (62).to_bytes(2, "little")
NAME = "mlmagic-tests-native"
METADATA = f"Metadata-Version: 2.2\nName: {NAME}\nVersion: 1.0\n"
# What a compiler's product looks like, without the compiler.
BACKEND = """
import pathlib, shutil

def build_wheel(directory, config_settings=None, metadata_directory=None):
    wheel, = pathlib.Path(__file__).parent.glob("*.whl")
    return pathlib.Path(shutil.copy(wheel, directory)).name
"""


def wheel(tag: str) -> tuple[str, bytes]:
    """Make a wheel for one platform."""
    name, content = f"mlmagic_tests_native-1.0-{tag}.whl", io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        folder = "mlmagic_tests_native-1.0.dist-info"
        archive.writestr("mlmagic_tests_native.py", "")
        archive.writestr(f"{folder}/METADATA", METADATA)
        about = f"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: false\nTag: {tag}\n"
        archive.writestr(f"{folder}/WHEEL", about)
        archive.writestr(f"{folder}/RECORD", "")
    return name, content.getvalue()


def source(tag: str) -> tuple[str, bytes]:
    """Make a source distribution; what is built of it is for one platform."""
    top, (name, data) = "mlmagic_tests_native-1.0", wheel(tag)
    system = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    files = {
        "PKG-INFO": METADATA.encode(),
        "pyproject.toml": f'{system}[project]\nname = "{NAME}"\nversion = "1.0"\n'.encode(),
        "backend.py": BACKEND.encode(),
        name: data,
    }
    return f"{top}.tar.gz", gzip.compress(
        tar({f"{top}/{path}": each for path, each in files.items()})
    )


@pytest.fixture
def images(tmp_path: Path, kit: ServiceKit, environments: Environments) -> Images:
    """Images on a cache of the test's own, to see what is left in it."""
    return Images(tmp_path / "cache", content=kit.content, environments=environments)


def test_a_service_for_another_processor_is_made_without_running_anything_of_it(
    images: Images, tmp_path: Path, kit: ServiceKit
) -> None:
    base = images.base(write(tmp_path, "oci", architecture="arm64"), architecture="arm64")
    image = images.service(kit.spec(models={"iris:1": b"weights"}), base)
    assert image.config["architecture"] == "arm64"
    with tarfile.open(image.layers[0].stored) as layer:
        heads = [layer.extractfile(each).read(20) for each in layer if each.isfile()]  # type: ignore[union-attr]
    compiled = [head for head in heads if head.startswith(ELF)]
    assert compiled
    assert {head[18:20] for head in compiled} == {AARCH64}


FOREIGN = ({"amd64", "arm64"} - {host_architecture()}).pop()


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A workspace with a script."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "score.py").write_text("def init():\n    pass\n\n\ndef run(data):\n    return data\n")
    return Workspace(folder)


def test_packages_are_made_for_the_platform_that_is_asked_for(
    workspace: Workspace, tmp_path: Path
) -> None:
    script, base = workspace.root / "score.py", write(tmp_path, "oci", architecture=FOREIGN)
    platform = f"linux/{FOREIGN}"
    layout = tmp_path / "layout"
    made = workspace.package_models(
        script=script, to="oci", base_image=base, platform=platform, output_path=layout
    )
    assert made.image_id is not None
    config = layout / "blobs" / "sha256" / made.image_id.removeprefix("sha256:")
    assert json.loads(config.read_bytes())["architecture"] == FOREIGN
    bundle = tmp_path / "bundle"
    workspace.package_models(script=script, to="bundle", platform=platform, output_path=bundle)
    machine = AARCH64 if FOREIGN == "arm64" else X86_64
    found = set()
    for file in (bundle / "wheels").iterdir():
        with zipfile.ZipFile(file) as wheel:
            found |= {wheel.read(name)[18:20] for name in wheel.namelist() if name.endswith(".so")}
    assert found == {machine}


def test_a_platform_that_is_none_or_not_the_bases_is_refused(
    workspace: Workspace, tmp_path: Path
) -> None:
    script, base = workspace.root / "score.py", write(tmp_path, "oci", architecture=FOREIGN)
    place = tmp_path / "layout"
    with pytest.raises(ConfigurationError, match="'windows/amd64'") as caught:
        workspace.package_models(script=script, platform="windows/amd64", output_path=place)
    assert "linux/amd64, linux/arm64" in (caught.value.hint or "")
    with pytest.raises(ImagePullError, match=f"is for '{FOREIGN}', not for"):
        workspace.package_models(
            script=script,
            base_image=base,
            platform=f"linux/{host_architecture()}",
            to="oci",
            output_path=place,
        )
    assert not place.exists()
    [option] = [each for each in PACKAGE.options if each.name == "platform"]
    assert {architecture_of(each) for each in option.choices} == {"amd64", "arm64"}


@pytest.mark.parametrize(
    ("make", "architecture"),
    [(wheel, "arm64"), (source, "arm64"), (source, "amd64")],
    ids=["wheel of another processor", "source", "source, compiled for this very machine"],
)
def test_a_package_without_a_wheel_for_the_base_is_refused(
    images: Images,
    environments: Environments,
    tmp_path: Path,
    kit: ServiceKit,
    make: Callable[[str], tuple[str, bytes]],
    architecture: str,
) -> None:
    name, data = make("cp311-cp311-linux_x86_64")
    (tmp_path / "house").mkdir()
    (tmp_path / "house" / name).write_bytes(data)
    wanted = Environment(
        name="native", requirements=(NAME,), index_options=(f"--find-links {tmp_path}/house",)
    )
    lock = environments.lock(wanted, python_version="3.11")
    reference = write(tmp_path, "oci", architecture=architecture)
    base = images.base(reference, architecture=architecture)
    with pytest.raises(ImageBuildError, match=NAME) as caught:
        images.service(replace(kit.spec(), lock=lock), base)
    assert f"Python 3.11 on '{base.platform}'" in str(caught.value)
    assert "Choose a version that has" in (caught.value.hint or "")
    assert not [*images.layers.layers.glob("[!.]*"), *images.layers.layers.glob(".*.building-*")]
