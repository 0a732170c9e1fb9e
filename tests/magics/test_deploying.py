"""Deployments from cells: the panel, shown once; waiting where nobody watches."""

import pytest

SCRIPT = "def init():\n    pass\n\n\ndef run(raw_data):\n    return len(raw_data)\n"
SERVICE = "application/vnd.mlmagic.service+json"


@pytest.fixture
def deployed(kernel):
    """A script to deploy, and nothing left afterwards."""
    (kernel.folder / "echo.py").write_text(SCRIPT)
    (kernel.folder / "broken.py").write_text(SCRIPT.replace("pass", "raise ValueError('no luck')"))
    yield kernel
    for name in ("echo-svc", "broken"):
        kernel.run(f"%ml service delete {name}")


def panels(sent):
    bundles = [content for kind, content in sent if kind == "display_data"]
    return [bundle["data"] for bundle in bundles if SERVICE in bundle["data"]]


def test_a_panel_is_shown_once_however_the_cell_ends(deployed):
    first = deployed.run("svc = %deploy echo-svc --script echo.py --wait")
    assert len(panels(first)) == 1
    again = deployed.run("%deploy echo-svc --script echo.py")
    assert len(panels(again)) == 1
    assert not any(kind == "execute_result" for kind, _ in again)
    assert "echo-svc  unchanged (same specification)\n" in [
        content["text"] for kind, content in again if kind == "stream"
    ]
    assert len(panels(deployed.run("svc"))) == 1
    assert len(panels(deployed.run("%ml service show echo-svc"))) == 1
    # nbval's cells are not counted.
    for code in ("%deploy echo-svc --script echo.py", "svc", "%ml service show echo-svc"):
        assert len(panels(deployed.run(code, store_history=False))) == 1
    assert deployed.text("svc.run('four')") == "4"
    assert deployed.text("%ml service run echo-svc -d five!") == "5"
    body = "rows = [1, 2]\n%ml service run echo-svc -d rows"
    assert deployed.text(body) == str(len("[1, 2]"))
    assert "config.workers: 1 → 2" in deployed.text(
        "%deploy echo-svc --script echo.py --workers 2 --plan"
    )
    found = deployed.client.complete("%ml service logs echo", reply=True, timeout=120)["content"]
    assert found["matches"] == ["echo-svc"]


def test_headless_waits_and_fails_the_cell(deployed):
    sent = deployed.run("%deploy broken --script broken.py", interactive=False)
    error = next(content for kind, content in sent if kind == "error")
    assert error["ename"] == "DeploymentFailedError"
    assert "ValueError: no luck" in error["evalue"]
    assert not any(kind == "update_display_data" for kind, _ in sent)
