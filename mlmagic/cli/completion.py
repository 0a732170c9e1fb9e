"""``mlmagic completion SHELL``: the tab key in bash, zsh and fish.

The scripts ask ``mlmagic complete -- WORDS`` at each tab, so names are those of the moment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlmagic.workspace import Workspace

# Bash ends a word at ':' and '@', and models are written NAME:VERSION and NAME@ALIAS.
_BASH = """\
# eval "$(mlmagic completion bash)"
_mlmagic() {
  local IFS=$' \\t\\n' line="${COMP_LINE:0:COMP_POINT}" words current mark marks
  read -ra words <<<"$line"
  if [[ "$line" == *[[:space:]] ]]; then words+=(""); fi
  current="${words[${#words[@]}-1]}"
  IFS=$'\\n'
  COMPREPLY=($(command mlmagic complete -- "${words[@]:1}" 2>/dev/null))
  for mark in : @; do
    if [[ "$COMP_WORDBREAKS" == *"$mark"* ]]; then marks+="$mark"; fi
  done
  if [[ -n "$marks" ]]; then
    COMPREPLY=("${COMPREPLY[@]#"${current%"${current##*[$marks]}"}"}")
  fi
}
complete -o default -F _mlmagic mlmagic"""
_ZSH = """\
# eval "$(mlmagic completion zsh)"
_mlmagic() {
  local -a found
  found=("${(@f)$(command mlmagic complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ -n "$found" ]]; then compadd -- $found; else _files; fi
}
(( $+functions[compdef] )) || { autoload -Uz compinit && compinit; }
compdef _mlmagic mlmagic"""
_FISH = """\
# mlmagic completion fish | source
function __mlmagic_complete
  set -l words (commandline -opc) (commandline -ct)
  set -l found (command mlmagic complete -- $words[2..-1] 2>/dev/null)
  if test -n "$found"; printf '%s\\n' $found; else; __fish_complete_path $words[-1]; end
end
complete -c mlmagic -f -a '(__mlmagic_complete)'"""
_SCRIPTS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}


def completion(shell: str) -> str:
    """Return the script for a shell."""
    return _SCRIPTS[shell]


def candidates(words: Sequence[str]) -> list[str]:
    """Return what the last word of a line can become.

    Args:
        words: The words after ``mlmagic``, behind a ``--``; the last is the one being written.
    """
    from mlmagic.completing import Candidates

    given = list(words[1:] if words[:1] == ["--"] else words) or [""]

    def workspace() -> Workspace:
        from mlmagic.workspace import Workspace as Opened

        return Opened.from_config()

    found = Candidates(workspace).find("mlmagic", given[:-1], given[-1])
    return [word for word, kind in found if kind != "option" or word.startswith("-")]
