"""``mlmagic alias az``: lines of ``az ml`` pasted into a shell become ours."""

from __future__ import annotations

_FUNCTION = """\
# eval "$(mlmagic alias az)"
az() {
  if [ "$1" != ml ]; then command az "$@"; return; fi
  shift
  command mlmagic --as-az "$@"
}"""
_FISH = """\
# mlmagic alias az --shell fish | source
function az
  if test "$argv[1]" = ml
    command mlmagic --as-az $argv[2..-1]
  else
    command az $argv
  end
end"""


def alias(shell: str = "bash") -> str:
    """Return a function for a shell: ``az ml …`` is ours, other groups pass through.

    Results are JSON, as those of ``az``, unless a setting says another format.

    Args:
        shell: ``bash``, ``zsh`` or ``fish``.
    """
    return _FISH if shell == "fish" else _FUNCTION
