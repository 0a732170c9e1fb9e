"""The verbs of trust in models: decisions, signatures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mlmagic.errors import UsageError
from mlmagic.workspace.rooms import Rooms, looks

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlmagic.entities import Model
    from mlmagic.registry import Decision


class ModelTrustVerbs(Rooms):
    """Say which models may be loaded, and sign them."""

    def list_trust(self, model: str | None = None) -> list[Decision]:
        """List the decisions to trust what the allow-list refuses, oldest first; revoked ones too.

        Args:
            model: Only those that concern this model's name, or this version's files.
        """
        if not self.exists:
            return []
        chosen = self._concerning(model)
        return [each for each in self.registry.trust.decisions() if chosen(each)]

    @looks
    def revoke_trust(self, model: str) -> list[Decision]:
        """Take back the trust in a model: it is not deployed any more. The record stays.

        Args:
            model: A name - all decisions that were made for it; a version - those on its files; or
                the beginning of a digest, ``sha256:…``.

        Raises:
            UsageError: Nothing is trusted that this names.
        """
        done = self.registry.trust.revoke(self._concerning(model))
        if not done:
            raise UsageError(
                f"No decision to trust '{model}' holds.", hint="See %ml model trust list."
            )
        return done

    def sign_model(
        self, model: str, *, private_key: str | Path, password: str | None = None
    ) -> Model:
        """Sign a version with OpenSSF model-signing; no service is asked.

        Args:
            model: Reference of the model.
            private_key: An elliptic-curve key in PEM.
            password: Opens the key, where it is encrypted.

        Raises:
            MissingDependencyError: model-signing is not installed.
            RegistryError: The key cannot be read.
        """
        from mlmagic.registry.signing import sign, with_signature

        found = self.registry.get(model)
        key = Path(private_key).expanduser()
        fingerprint, bundle = sign(found, self.content, key, password)
        stored = self.content.add_bytes(
            bundle, name=f"{fingerprint}.sig", shared=self.registry.sharing.active
        )

        def add(model: Model) -> Model:
            return replace(model, signatures=with_signature(model.signatures, stored))

        return self.registry.change(found.id, add, [stored])

    def verify_model_signature(self, model: str, *, public_key: str | Path | None = None) -> str:
        """Check the signature of a version against its files.

        Args:
            model: Reference of the model.
            public_key: A key, or a folder of keys; None takes the setting ``signing_keys``.

        Returns:
            The name of the key that signed it.

        Raises:
            UnsafeModelError: It is not signed, or by none of these keys, or the files differ.
        """
        from mlmagic.registry.signing import public_keys, verify

        place = Path(public_key).expanduser() if public_key else self.settings.signing_keys
        keys = public_keys(place) if place else []
        return verify(self.registry.get(model), self.content, keys)

    def _concerning(self, model: str | None) -> Callable[[Decision], bool]:
        if model is None:
            return lambda _decision: True
        if model.startswith("sha256:"):
            digest = model.removeprefix("sha256:")
            return lambda decision: bool(digest) and decision.sha256.startswith(digest)
        if ":" in model or "@" in model:
            digests = {file.sha256 for file in self.registry.get(model).files}
            return lambda decision: decision.sha256 in digests
        return lambda decision: decision.model == model
