"""What an engine refuses or a machine lacks, and the way out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from docker.errors import APIError

from mlmagic.errors import ImageError
from mlmagic.images import Reference
from mlmagic.images.client import RegistryClient
from mlmagic.images.connecting import engine_faults

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("said", "hint"),
    [
        ("pull access denied for ann/base, repository does not exist", "docker login"),
        ("unauthorized: authentication required", "docker login"),
        ("write /layer.tar: no space left on device", "%ml image prune"),
        ('Get "https://r.test/v2/": dial tcp: lookup r.test: no such host', "engine's network"),
        ('Get "http://localhost:9/v2/": dial tcp [::1]:9: connect: connection refused', "network"),
        ('Get "https://r.test/v2/": net/http: TLS handshake timeout', "network"),
        ('Get "https://r.test/v2/": x509: certificate signed by unknown authority', "certs.d"),
    ],
)
def test_the_way_out_fits_what_the_engine_says(said: str, hint: str) -> None:
    with pytest.raises(ImageError) as caught, engine_faults(ImageError, "It failed"):
        raise APIError(said)
    assert caught.value.message == f"It failed: {said}."
    assert hint in str(caught.value.hint)


def test_a_permission_that_the_host_denies_is_no_matter_of_a_registry() -> None:
    with pytest.raises(ImageError) as caught, engine_faults(ImageError, "It failed"):
        raise APIError("error setting rlimits: operation not permitted: OCI permission denied")
    assert caught.value.hint is None


def test_a_certificate_that_is_none_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / ".docker" / "certs.d" / "localhost:1" / "team.crt"
    file.parent.mkdir(parents=True)
    file.touch()
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(ImageError, match=f"certificate '{file}' cannot be read: "):
        RegistryClient(Reference.parse("http://localhost:1/svc"), ImageError)


def test_who_has_no_home_has_no_certificates_of_a_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOME")
    monkeypatch.setattr("os.getuid", lambda: 2**31 - 5)
    with RegistryClient(Reference.parse("http://localhost:1/svc"), ImageError) as client:
        assert client.reference.host == "localhost:1"
