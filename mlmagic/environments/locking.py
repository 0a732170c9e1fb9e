"""From requirements to exact versions with hashes, by uv."""

from __future__ import annotations

import os
import re
import sys
import sysconfig
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from mlmagic.entities import Environment, Lock
from mlmagic.environments.python_version import short_version
from mlmagic.environments.runtime import runtime_requirements
from mlmagic.environments.uv_command import INDEX_SETTINGS, UvError, run_uv
from mlmagic.environments.wheels import own_hashes
from mlmagic.errors import EnvironmentSetupError
from mlmagic.files import digest_text

if TYPE_CHECKING:
    from collections.abc import Callable

_TIMEOUT = 900
# uv reads these from a requirements file, where they stay out of the list of processes and
# where ${NAME} is filled in from the environment; the others must be on its command line.
COMMAND_OPTIONS = ("--torch-backend", "--index-strategy", "--keyring-provider")


@dataclass(frozen=True, kw_only=True)
class LockRecord:
    """A lock as it is kept in the workspace, with what it was made from.

    Attributes:
        environment: What was asked for.
        lock: What came out.
        notes: What the user should know about the choice of versions.
    """

    environment: Environment
    lock: Lock
    notes: tuple[str, ...] = ()


def inputs_digest(environment: Environment, platform: str | None = None) -> str:
    """The digest of all that decides what a lock holds, but for the indexes' content."""
    settings = sorted(
        f"{name}={value}"
        for name, value in os.environ.items()
        if name.startswith(INDEX_SETTINGS) and not name.endswith(("_USERNAME", "_PASSWORD"))
    )
    return digest_text(
        "1",
        short_version(environment.python_version),
        platform or sysconfig.get_platform(),
        "\n".join(sorted(environment.requirements)),
        "\n".join(sorted(environment.constraints)),
        "\n".join(sorted(environment.limits)),
        "\n".join(environment.index_options),
        "\n".join(runtime_requirements()),
        "\n".join(settings),
    )


def resolve(
    environment: Environment,
    *,
    platform: str | None = None,
    on_event: Callable[[str], None],
) -> LockRecord:
    """Let uv choose exact versions for a platform; None is this machine's.

    The versions of the kernel (``constraints``) are kept where they fit together. Where they
    do not, they become preferences, and the notes name what came out differently.

    Raises:
        EnvironmentSetupError: The requirements cannot be met, or no index can be reached.
    """
    python = short_version(environment.python_version)
    arguments = [*_python_arguments(python), *_platform_arguments(platform)]
    notes: tuple[str, ...] = ()
    on_event(f"environment '{environment.name}': choosing versions")
    with tempfile.TemporaryDirectory(prefix="mlmagic-lock-") as folder:
        work = Path(folder)
        try:
            text = _compile(environment, work, arguments, constrained=True)
        except UvError as error:
            if error.network or not environment.constraints:
                raise _unresolved(environment, error, python, platform) from error
            try:
                text = _compile(environment, work, arguments, constrained=False)
            except UvError as second:
                raise _unresolved(environment, second, python, platform) from second
            notes = (f"The kernel's versions do not fit together: {error.reason}",)
    text = own_hashes(_normalise(text), environment.index_options)
    platform = platform or sysconfig.get_platform()
    lock = Lock(
        identity=digest_text(text, python, platform),
        text=text,
        python_version=python,
        platform=platform,
        index_options=environment.index_options,
    )
    if notes:
        notes += _differences(environment.constraints, lock.packages)
    return LockRecord(environment=environment, lock=lock, notes=notes)


def option_arguments(index_options: tuple[str, ...]) -> list[str]:
    """The index options that uv takes on its command line only."""
    chosen = (option for option in index_options if option.startswith(COMMAND_OPTIONS))
    return [part for option in chosen for part in option.split(maxsplit=1)]


def option_lines(index_options: tuple[str, ...]) -> list[str]:
    """The index options that go into a requirements file."""
    return [option for option in index_options if not option.startswith(COMMAND_OPTIONS)]


def _compile(environment: Environment, work: Path, where: list[str], *, constrained: bool) -> str:
    wanted = [
        *option_lines(environment.index_options),
        *environment.requirements,
        *runtime_requirements(),
    ]
    (work / "requirements.in").write_text("\n".join(wanted) + "\n", "utf-8")
    limits = [*environment.limits, *(environment.constraints if constrained else ())]
    (work / "limits.txt").write_text("\n".join(limits) + "\n", "utf-8")
    output = work / "lock.txt"
    arguments = [
        *("pip", "compile", "requirements.in", "--output-file", output.name),
        *("--generate-hashes", "--no-header", "--no-annotate"),
        *("--no-emit-index-url", "--no-emit-find-links"),
        *("--constraints", "limits.txt"),
        *where,
        *option_arguments(environment.index_options),
    ]
    if not constrained:
        # uv prefers the pins of an output file that exists already.
        output.write_text("\n".join(environment.constraints) + "\n", "utf-8")
    try:
        run_uv(*arguments, cwd=work, timeout=_TIMEOUT)
    except UvError as error:
        if not error.network:
            raise
        try:
            run_uv(*arguments, "--offline", cwd=work, timeout=_TIMEOUT)
        except UvError:
            raise error from None
    return output.read_text("utf-8")


def _python_arguments(python: str) -> list[str]:
    arguments = ["--python", sys.executable]
    running = f"{sys.version_info.major}.{sys.version_info.minor}"
    return arguments if python == running else [*arguments, "--python-version", python]


def platform_triple(platform: str) -> str:
    """Return what uv calls a platform such as ``linux-aarch64`` or ``linux-x86_64-musl``.

    Raises:
        EnvironmentSetupError: It is none that images are made for.
    """
    system, _, rest = platform.partition("-")
    machine, _, libc = rest.partition("-")
    if system != "linux" or libc not in ("", "musl"):
        raise EnvironmentSetupError(
            f"The platform '{platform}' is none that packages can be chosen for.",
            hint="Known: 'linux-x86_64', 'linux-aarch64', and the same with '-musl'.",
        )
    return f"{machine}-unknown-linux-{libc or 'gnu'}"


def _platform_arguments(platform: str | None) -> list[str]:
    # Without the option, uv takes the wheels of this very machine.
    if platform is None or platform == sysconfig.get_platform():
        return []
    return ["--python-platform", platform_triple(platform)]


def _normalise(text: str) -> str:
    lines = (line.rstrip() for line in text.splitlines())
    kept = [line for line in lines if line and not line.lstrip().startswith("#")]
    return "\n".join(kept) + "\n" if kept else ""


def _differences(constraints: tuple[str, ...], packages: dict[str, str]) -> tuple[str, ...]:
    kernel = (line.split(";")[0].partition("==") for line in constraints)
    return tuple(
        f"{name.strip()} {packages[key]} instead of the kernel's {version.strip()}"
        for name, _, version in kernel
        if (key := canonicalize_name(name.strip())) in packages
        and packages[key].partition("+")[0] != version.strip()
    )


def _unresolved(
    environment: Environment, error: UvError, python: str, platform: str | None
) -> EnvironmentSetupError:
    where = f" for Python {python} on '{platform}'" if platform else ""
    if error.network:
        hint = "Check the network and the index settings; what was locked once works offline."
    elif platform and "no wheels with a matching" in error.reason:
        hint = "Choose a version that has a wheel for it, or another base_image."
    else:
        hint = _runtime_hint(error.reason) or (
            f"Change the requirements ({environment.origin or environment.name})."
        )
    return EnvironmentSetupError(
        f"The environment '{environment.name}' cannot be locked{where}: {error.reason}", hint=hint
    )


def _runtime_hint(reason: str) -> str | None:
    for line in runtime_requirements():
        if re.search(rf"\b{re.escape(Requirement(line).name)}\b", reason):
            return f"The scoring server itself needs '{line.split(';')[0].strip()}'."
    return None
