import pytest

from mlmagic.environments.uv_command import clean_environment, condense

CONFLICT = """\
error: No solution found when resolving dependencies
  cause: Because pandas==2.2.3 depends on numpy{python_full_version < '3.12'}>=1.23.2 and you \
require pandas==2.2.3, we can conclude that you require numpy>=1.23.2.
         And because you require numpy<1.20, we can conclude that your requirements are \
unsatisfiable.
"""
MISMATCH = """\
Resolved 1 package in 219ms
error: Failed to download `six==1.17.0`
  cause: Hash mismatch for `six==1.17.0`

         Expected:
           sha256:00
"""


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            CONFLICT,
            (
                "Because pandas==2.2.3 depends on numpy>=1.23.2 and you require pandas==2.2.3, "
                "we can conclude that you require numpy>=1.23.2, but you require numpy<1.20."
            ),
        ),
        (MISMATCH, "Failed to download `six==1.17.0`; Hash mismatch for `six==1.17.0`."),
        ("something else\n  entirely\n", "something else entirely."),
    ],
)
def test_uvs_reason_is_condensed(text: str, reason: str) -> None:
    assert condense(text) == reason


def test_only_the_middle_of_a_long_chain_goes() -> None:
    chain = "error: 0\n" + "".join(f"  cause: {number}\n" for number in range(1, 9))
    assert condense(chain, limit=2) == "0; 8."


def test_what_would_steer_uv_is_taken_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIRTUAL_ENV", "/x")
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.setenv("UV_PRERELEASE", "allow")
    monkeypatch.setenv("UV_DEFAULT_INDEX", "https://index.example/simple")
    monkeypatch.setenv("UV_INDEX_HOUSE_PASSWORD", "x")
    kept = clean_environment()
    assert {"VIRTUAL_ENV", "PYTHONDONTWRITEBYTECODE", "UV_PRERELEASE"}.isdisjoint(kept)
    assert {"UV_DEFAULT_INDEX", "UV_INDEX_HOUSE_PASSWORD", "PATH"} <= set(kept)
