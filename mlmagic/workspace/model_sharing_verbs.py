"""The verbs that show models to others: cards, bundles."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mlmagic import journal
from mlmagic.entities import ModelCard
from mlmagic.errors import UsageError
from mlmagic.workspace.rooms import Rooms, looks

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mlmagic.entities import Model, Registration


class ModelSharingVerbs(Rooms):
    """Describe models, and carry them from one registry to another."""

    @looks
    def model_card(self, model: str, *, text: str | None = None, reset: bool = False) -> ModelCard:
        """Return the card of a model: Markdown with the front matter of Hugging Face.

        It is made from what is known, unless it was edited.

        Args:
            model: Reference of the model.
            text: The edited card, to be kept with the version.
            reset: Forget the edited card: it is made from what is known again.

        Raises:
            UsageError: Both were given, or the text is empty.
        """
        from mlmagic.registry.cards import make_card

        if text is not None and (reset or not text.strip()):
            raise UsageError(
                "A card is either replaced by a text or made again.",
                hint="Give the text (--from FILE), or --reset.",
            )
        found = self.registry.get(model)
        if reset:
            found = self.registry.change(found.id, lambda known: replace(known, card=None))
        elif text is not None:
            stored = self.content.add_bytes(
                text.encode(), name="README.md", shared=self.registry.sharing.active
            )
            found = self.registry.change(
                found.id, lambda known: replace(known, card=stored), [stored]
            )
        if found.card is not None:
            kept = self.content.read_bytes(found.card).decode("utf-8", "replace")
            return ModelCard(model=found.id, text=kept, edited=True)
        made = make_card(found, self.content.read_bytes)
        return ModelCard(model=found.id, text=made, edited=False)

    def export_models(
        self,
        models: Sequence[str],
        *,
        path: str | Path,
        all_versions: bool = False,
        on_event: Callable[[str], None] | None = None,
    ) -> Path:
        """Write models into one file, which ``import_models`` of another registry reads.

        Samples, signatures, cards, tags and lineage go with them; aliases and trust do not.

        Args:
            models: References of the models.
            path: The file to write.
            all_versions: All versions of their names.
            on_event: Receives lines of progress.

        Raises:
            ModelNotFoundError: There is no such model.
        """
        from mlmagic.registry.bundles import export_models

        named = [models] if isinstance(models, str) else models
        found: dict[str, Model] = {}
        for reference in named:
            model = self.registry.get(reference)
            versions = self.registry.list(name=model.name, archived=True) if all_versions else ()
            found |= {each.id: each for each in versions or (model,)}
        return export_models(self.registry, list(found.values()), Path(path).expanduser(), on_event)

    def import_models(
        self,
        path: str | Path,
        *,
        trust: bool | str = False,
        on_event: Callable[[str], None] | None = None,
    ) -> list[Registration]:
        """Register the models of a file that ``export_models`` wrote.

        Each gets the next version under its name; content that is there already stays as it is.
        Pickles are checked against *this* workspace's allow-list.

        Args:
            path: The file.
            trust: Accept what the allow-list refuses; a text says why.
            on_event: Receives lines of progress.

        Raises:
            RegistryError: The file is damaged, or none of ours.
            UnsafeModelError: A pickle calls something outside the allow-list.
        """
        from mlmagic.registry.bundles import import_models

        done = import_models(self.registry, Path(path).expanduser(), trust=trust, on_event=on_event)
        for each in done:
            journal.note("register", id=each.model.id, outcome=each.outcome)
        return done
