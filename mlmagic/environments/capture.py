"""An environment from what a script imports, with the versions of the running interpreter."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from mlmagic.entities import Environment
from mlmagic.environments.distributions import (
    Distributions,
    Installed,
    installed,
    is_ours,
    is_standard,
)
from mlmagic.environments.wheels import PackedWheel, pack
from mlmagic.errors import EnvironmentSetupError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from pathlib import Path


def capture(
    modules: Collection[str],
    *,
    requirements: Sequence[str] = (),
    name: str,
    wheels: Path,
    on_event: Callable[[str], None] | None = None,
) -> Environment:
    """Resolve imports against the running interpreter.

    Args:
        modules: Imported names, top-level or dotted.
        requirements: Further requirement lines, such as a model's; they win over what the
            kernel has of the same name.
        name: The environment's name.
        wheels: Where packages that no index has are packed to.
        on_event: Told what is packed.

    Raises:
        EnvironmentSetupError: No distribution provides an import, or a local package cannot
            be packed.
    """
    kernel = installed()
    wanted = [each for each in map(_parse, requirements) if not is_ours(each.name)]
    given: dict[str, Requirement] = {canonicalize_name(each.name): each for each in wanted}
    imported = _imported(modules, kernel)
    known = ((kernel.get(key), each.extras) for key, each in given.items())
    roots = [(each, extras) for each, extras in known if each is not None]
    closure = kernel.closure([*((each, ()) for each in imported.values()), *roots])
    # Also what they bring in: a resolver would take a stranger's package of the same name.
    local = {
        key: pack(each.local, wheels, name=key, on_event=on_event)
        for key, each in closure.items()
        if each.local is not None and _replaceable(given.get(key), each)
    }
    lines = {key: each.requirement for key, each in imported.items() if key not in given}
    lines |= {key: str(each) for key, each in given.items()}
    lines |= {key: _pin(wheel, given.get(key)) for key, wheel in local.items() if key in lines}
    running = f"{sys.version_info.major}.{sys.version_info.minor}"
    return Environment(
        name=name,
        python_version=running,
        requirements=tuple(lines[key] for key in sorted(lines)),
        constraints=_constraints(closure, given, local),
        index_options=tuple(local[key].option for key in sorted(local)),
        origin=f"the running Python {running}",
    )


def _imported(modules: Collection[str], kernel: Distributions) -> dict[str, Installed]:
    found: dict[str, Installed] = {}
    for module in sorted(modules):
        if is_standard(module) or is_ours(module.partition(".")[0]):
            continue
        providers = kernel.providers(module)
        if not providers:
            raise EnvironmentSetupError(
                f"The import '{module}' comes from no installed package.",
                hint="Install the package that provides it, put the module into the source "
                "directory, or name an environment.",
            )
        found.update({each.name: each for each in providers if not is_ours(each.name)})
    return found


def _pin(wheel: PackedWheel, given: Requirement | None) -> str:
    extras = f"[{','.join(sorted(given.extras))}]" if given and given.extras else ""
    return f"{wheel.name}{extras}=={wheel.version}"


def _replaceable(given: Requirement | None, known: Installed) -> bool:
    return given is None or (
        given.url is None and given.specifier.contains(known.version, prereleases=True)
    )


def _constraints(
    closure: dict[str, Installed], given: dict[str, Requirement], local: dict[str, PackedWheel]
) -> tuple[str, ...]:
    pins = {
        key: f"{key}=={each.version}"
        for key, each in closure.items()
        if each.url is None and each.local is None and key not in given
    }
    pins |= {key: f"{key}=={wheel.version}" for key, wheel in local.items()}
    # What came by address must come from there again, also where only others need it.
    pins |= {
        key: each.requirement for key, each in closure.items() if each.url and key not in given
    }
    return tuple(pins[key] for key in sorted(pins))


def _parse(line: str) -> Requirement:
    try:
        return Requirement(line)
    except InvalidRequirement as error:
        raise EnvironmentSetupError(
            f"The requirement '{line}' is not understood: {error}.",
            hint="Write it as 'name', 'name==1.2' or 'name @ address'.",
        ) from error
