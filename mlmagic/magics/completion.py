"""The tab key: options, choices and names; local reads only."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from IPython.core.completer import CompletionContext, SimpleCompletion, context_matcher

from mlmagic.completing import Candidates

if TYPE_CHECKING:
    from mlmagic.magics.session import Session

_LINE = re.compile(r"\s*(?:[\w.,\s]+=\s*)?(?P<magic>%{1,2}\w+)\s+(?P<rest>.*)", re.DOTALL)


IDENTIFIER = "mlmagic"


def make_matcher(session: Session) -> Any:
    """Return a matcher for ``Completer.custom_matchers``."""
    completion = Completion(session)

    @context_matcher(identifier=IDENTIFIER)  # type: ignore[untyped-decorator]
    def matcher(context: CompletionContext) -> dict[str, Any]:
        return completion(context)

    return matcher


class Completion:
    """What can follow on a line."""

    def __init__(self, session: Session) -> None:
        self._candidates = Candidates(session.workspace, session.namespace)

    def __call__(self, context: CompletionContext) -> dict[str, Any]:
        """Complete the word before the cursor, where the line is one of our magics."""
        found = _LINE.fullmatch(context.text_until_cursor)
        if found is None or not _is_first_line(context, found["magic"]):
            return {"completions": []}
        words = found["rest"].split()
        current = words.pop() if found["rest"][-1:].strip() else ""
        names = self._candidates.find(found["magic"], words, current)
        return {
            "completions": [SimpleCompletion(name, type=kind) for name, kind in names],
            "matched_fragment": current,
            "suppress": bool(names),
        }


def _is_first_line(context: CompletionContext, magic: str) -> bool:
    return not magic.startswith("%%") or context.cursor_line == 0
