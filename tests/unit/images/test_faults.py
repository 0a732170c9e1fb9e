"""What an engine refuses, and the way out."""

from __future__ import annotations

import pytest
from docker.errors import APIError

from mlmagic.errors import ImageError
from mlmagic.images.connecting import engine_faults


@pytest.mark.parametrize(
    ("said", "hint"),
    [
        ("pull access denied for ann/base, repository does not exist", "docker login"),
        ("unauthorized: authentication required", "docker login"),
        ("write /layer.tar: no space left on device", "%ml image prune"),
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
