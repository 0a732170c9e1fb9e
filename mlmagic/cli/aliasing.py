"""``mlmagic alias az``: lines of ``az ml`` pasted into a shell become ours."""

from __future__ import annotations

_FUNCTION = """\
# {how}
{name}() {{
  if [ "$1" != ml ]; then command {name} "$@"; return; fi
  shift
  command mlmagic --as-az "$@"
}}
"""
_FISH = """\
# {how}
function {name}
  if test "$argv[1]" = ml
    command mlmagic --as-az $argv[2..-1]
  else
    command {name} $argv
  end
end
"""


def alias(name: str, shell: str) -> str:
    """Return a function for a shell: ``az ml …`` is ours, other groups pass through.

    Results are JSON, as those of ``az``, unless a setting says another format.

    Args:
        name: The command to stand for: ``az``.
        shell: ``bash``, ``zsh`` or ``fish``.
    """
    if shell == "fish":
        return _FISH.format(name=name, how="mlmagic alias az --shell fish | source")
    return _FUNCTION.format(name=name, how='eval "$(mlmagic alias az)"').rstrip("\n")
