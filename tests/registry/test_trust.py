"""Trust on record, taken back; signatures with real keys; the policy at deployment."""

from __future__ import annotations

import subprocess

import pytest

from mlmagic import Workspace
from mlmagic.errors import RegistryError, UnsafeModelError, UsageError
from mlmagic.presentation import present
from mlmagic.workspace.parts import find_model

HARMLESS_BUT_UNKNOWN = b"\x80\x04cmaster\nCommand\n."


@pytest.fixture
def pickled(tmp_path):
    path = tmp_path / "model.pkl"
    path.write_bytes(HARMLESS_BUT_UNKNOWN)
    return path


def key(folder, name):
    """Make a key as a user would."""
    private, public = folder / f"{name}.key", folder / "keys" / f"{name}.pem"
    public.parent.mkdir(exist_ok=True)
    make = ["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", private]
    subprocess.run(make, check=True, capture_output=True)
    export = ["openssl", "ec", "-in", private, "-pubout", "-out", public]
    subprocess.run(export, check=True, capture_output=True)
    return private, public


def test_trust_is_on_record_and_can_be_taken_back(workspace, pickled):
    with pytest.raises(UnsafeModelError, match=r"master\.Command"):
        workspace.register_model(pickled, name="net")
    workspace.register_model(pickled, name="net", trust="from our own cluster")
    (decision,) = workspace.list_trust("net")
    assert (decision.reason, decision.names) == ("from our own cluster", ("master.Command",))
    assert find_model(workspace, "net")[1].id == "net:1"
    (taken,) = workspace.revoke_trust("net")
    assert taken.revoked_by == decision.who
    with pytest.raises(UnsafeModelError, match=r"'net:1' holds 'master\.Command', and .* back"):
        find_model(workspace, "net")
    with pytest.raises(UnsafeModelError, match="outside the allow-list"):
        workspace.register_model(pickled, name="net")
    with pytest.raises(UsageError, match="No decision to trust 'net' holds"):
        workspace.revoke_trust("net")
    workspace.register_model(pickled, name="net", trust=True)
    assert find_model(workspace, "net:1")[1].id == "net:1"
    assert [each.revoked_at is None for each in workspace.list_trust("net:1")] == [False, True]
    assert len(workspace.revoke_trust(f"sha256:{decision.sha256[:8]}")) == 1


def test_each_workspace_of_a_team_trusts_for_itself(tmp_path, pickled):
    shared = {
        "database_url": f"sqlite:///{tmp_path}/team.db",
        "store_url": f"file://{tmp_path}/store",
    }
    for name in ("ann", "bob"):
        (tmp_path / name).mkdir()
    ann, bob = (Workspace(tmp_path / name, settings=shared) for name in ("ann", "bob"))
    ann.register_model(pickled, name="net", trust=True)
    assert find_model(ann, "net")[1].id == "net:1"
    with pytest.raises(
        UnsafeModelError, match=r"'net:1' holds 'master\.Command', .* nobody in this"
    ):
        find_model(bob, "net")
    (content,) = bob.show_model("net").files
    told = f"sha256:{content.sha256[:12]}  master.Command"
    assert told in present(bob.show_model("net")).text
    copied = bob.download_model("net", target_dir=tmp_path / "out")
    assert bob.register_model(copied, name="net", trust="looked at").outcome == "unchanged"
    assert find_model(bob, "net")[1].id == "net:1"
    for each in (ann, bob):
        each.registry.close()


def test_signatures(workspace, tmp_path):
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "weights.bin").write_bytes(b"1 2 3")
    workspace.register_model(tmp_path / "net", name="net")
    private, public = key(tmp_path, "ours")
    other = key(tmp_path / "keys", "other")[1]
    with pytest.raises(UnsafeModelError, match="'net:1' is not signed"):
        workspace.verify_model_signature("net", public_key=public)
    signed = workspace.sign_model("net", private_key=private)
    assert len(signed.signatures) == 1
    assert workspace.verify_model_signature("net", public_key=tmp_path / "keys") == "ours.pem"
    with pytest.raises(UnsafeModelError, match="No known key verifies the model 'net:1'"):
        workspace.verify_model_signature("net", public_key=other)
    # Signing again replaces; the signature stays with these bytes alone.
    assert len(workspace.sign_model("net", private_key=private).signatures) == 1
    (tmp_path / "net" / "weights.bin").write_bytes(b"1 2 4")
    workspace.register_model(tmp_path / "net", name="net")
    from dataclasses import replace

    bundle = signed.signatures
    workspace.registry.change("net:2", lambda model: replace(model, signatures=bundle), bundle)
    with pytest.raises(UnsafeModelError, match="No known key verifies the model 'net:2'"):
        workspace.verify_model_signature("net:2", public_key=public)
    with pytest.raises(RegistryError, match=r"private key .* cannot be used"):
        workspace.sign_model("net", private_key=public)
    assert workspace.verify_models().ok


def test_only_signed_models_are_deployed_where_the_workspace_says_so(workspace, tmp_path):
    (tmp_path / "weights.bin").write_bytes(b"1 2 3")
    workspace.register_model(tmp_path / "weights.bin", name="net")
    private, public = key(tmp_path, "ours")
    settings = {"require_signature": True, "signing_keys": public.parent}
    strict = Workspace(tmp_path, settings=settings)
    with pytest.raises(UnsafeModelError, match="'net:1' is not signed"):
        find_model(strict, "net")
    with pytest.raises(UnsafeModelError, match=r"'weights\.bin' is not registered, .* only signed"):
        find_model(strict, "weights.bin")
    workspace.sign_model("net", private_key=private)
    assert find_model(strict, "net")[1].id == "net:1"
    public.unlink()
    with pytest.raises(UnsafeModelError, match="No public key is known"):
        find_model(strict, "net")
    strict.registry.close()
