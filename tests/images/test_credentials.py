"""Credentials: from Docker's configuration, from a helper program, and for tokens."""

from __future__ import annotations

import base64
import json
import os
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from mlmagic.errors import ImageBuildError, ImagePullError, ImagePushError
from mlmagic.images import Engine, connect
from tests.engine.registry import PASSWORD, USER
from tests.engine.tokens import TokenServer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mlmagic.images import Image, Images
    from tests.engine.fixtures import TestEngine
    from tests.engine.registry import Registry


@pytest.fixture
def docker_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Write the Docker configuration that credentials are taken from."""
    folder = tmp_path / "docker"
    folder.mkdir()
    monkeypatch.setenv("DOCKER_CONFIG", str(folder))

    def write(**content: Any) -> None:
        (folder / "config.json").write_text(json.dumps(content))

    return write


def auths(host: str, user: str, password: str) -> dict[str, Any]:
    token = base64.b64encode(f"{user}:{password}".encode()).decode()
    return {host: {"auth": token}}


@pytest.fixture
def helper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Install a credential helper that knows one registry, ``docker-credential-vault``."""
    programs = tmp_path / "programs"
    programs.mkdir()
    monkeypatch.setenv("PATH", str(programs), prepend=os.pathsep)

    def install(host: str, user: str, secret: str) -> None:
        # https://github.com/docker/docker-credential-helpers#development
        known = json.dumps({"ServerURL": host, "Username": user, "Secret": secret})
        program = programs / "docker-credential-vault"
        program.write_text(
            "#!/bin/sh\nread -r server\n"
            f"[ \"$1 $server\" = 'get {host}' ] && echo '{known}' && exit\n"
            "echo 'credentials not found in native keychain'; exit 1\n"
        )
        program.chmod(0o755)

    return install


def test_credentials_come_from_dockers_configuration(
    images: Images,
    small_image: Image,
    make_image_registry: Callable[..., Registry],
    docker_config: Callable[..., None],
) -> None:
    registry = make_image_registry(htpasswd=True)
    place = f"{registry.address}/ml/echo:1"
    with pytest.raises(ImagePushError, match="401") as caught:
        images.push(small_image, place)
    assert caught.value.hint == f"Log in: docker login {registry.address}."
    docker_config(auths=auths(registry.address, USER, "wrong"))
    with pytest.raises(ImagePushError, match="401"):
        images.push(small_image, place)
    docker_config(auths=auths(registry.address, USER, PASSWORD))
    assert images.push(small_image, place).startswith("sha256:")
    assert PASSWORD not in str(caught.value)


def test_a_registry_that_wants_tokens_gets_them_for_what_is_done(
    images: Images,
    small_image: Image,
    make_image_registry: Callable[..., Registry],
    docker_config: Callable[..., None],
    tmp_path: Path,
) -> None:
    with TokenServer(tmp_path) as tokens:
        registry = make_image_registry(settings=tokens.settings)
        with pytest.raises(ImagePushError, match="401"):
            images.push(small_image, f"{registry.address}/ml/one:1")
        docker_config(auths=auths(registry.address, USER, PASSWORD))
        images.push(small_image, f"{registry.address}/ml/one:1")
        images.push(
            small_image, f"{registry.address}/ml/two:1"
        )  # mounts, with the right to read the first
        base = images.base(f"{registry.address}/ml/two:1")
        assert base.configuration.id == small_image.id
    asked = [sorted(scopes) for scopes in tokens.scopes]
    assert asked[0] == ["repository:ml/one:pull,push"]
    assert ["repository:ml/one:pull", "repository:ml/two:pull,push"] in asked
    assert asked[-1] == ["repository:ml/two:pull"]
    assert len([line for line in registry.requests("POST") if line.endswith(" 201")]) > 0


def test_a_helper_is_asked_for_the_registries_that_it_keeps(
    images: Images,
    small_image: Image,
    make_image_registry: Callable[..., Registry],
    docker_config: Callable[..., None],
    helper: Callable[..., None],
) -> None:
    registry = make_image_registry(htpasswd=True)
    place = f"{registry.address}/ml/echo:1"
    docker_config(credHelpers={registry.address: "vault"})
    with pytest.raises(ImagePushError, match="'docker-credential-vault', which is not") as caught:
        images.push(small_image, place)
    assert "Install that helper" in (caught.value.hint or "")
    helper("elsewhere.example.com", USER, PASSWORD)
    with pytest.raises(ImagePushError, match="401"):
        images.push(small_image, place)
    helper(registry.address, USER, PASSWORD)
    assert images.push(small_image, place).startswith("sha256:")
    # What the store of all registries does not know may be in the file.
    helper("elsewhere.example.com", USER, "unused")
    docker_config(credsStore="vault", auths=auths(registry.address, USER, PASSWORD))
    assert images.base(place).configuration.id == small_image.id


def test_an_identity_token_is_exchanged(
    images: Images,
    small_image: Image,
    make_image_registry: Callable[..., Registry],
    docker_config: Callable[..., None],
    helper: Callable[..., None],
    tmp_path: Path,
) -> None:
    with TokenServer(tmp_path) as tokens:
        registry = make_image_registry(settings=tokens.settings)
        place = f"{registry.address}/ml/one:1"
        docker_config(credsStore="vault")
        helper(registry.address, "<token>", "wrong")
        with pytest.raises(ImagePushError, match="401"):
            images.push(small_image, place)
        helper(registry.address, "<token>", tokens.identity)
        images.push(small_image, place)
        assert images.base(place).configuration.id == small_image.id
    assert tokens.scopes == [["repository:ml/one:pull,push"], ["repository:ml/one:pull"]]


def test_an_engine_pulls_a_base_with_them(
    images: Images,
    small_image: Image,
    make_image_registry: Callable[..., Registry],
    docker_config: Callable[..., None],
    docker_engine: TestEngine,
) -> None:
    registry = make_image_registry(htpasswd=True)
    place = f"{registry.address}/ml/base:1"
    known = auths(registry.address, USER, PASSWORD)
    docker_config(auths=known)
    images.push(small_image, place)
    docker_config()
    with closing(connect()) as client:
        with pytest.raises(ImagePullError, match=f"'{place}' cannot be had") as caught:
            images.base(place, engine=Engine(client))
        assert caught.value.hint == "Log in to the registry: docker login."
    docker_config(credsStore="vault")  # which is not there
    for lines, kind in ((None, ImagePullError), ("RUN true", ImageBuildError)):
        with (
            closing(connect()) as client,
            pytest.warns(UserWarning, match="vault not installed"),
            pytest.raises(kind, match="docker-credential-vault not installed") as caught,
        ):
            images.base(place, dockerfile=lines, engine=Engine(client))
        assert "'credsStore'" in (caught.value.hint or "")
    docker_config(auths=known)
    with closing(connect()) as client:
        assert images.base(place, engine=Engine(client)).configuration.id == small_image.id
    docker_engine.client.images.remove(place, force=True)
