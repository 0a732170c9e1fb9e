"""LimitRanges of the namespace: what they give pods, and refuse."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mlmagic.entities import Check
from mlmagic.errors import ConfigurationError
from mlmagic.targets.kubernetes.faults import ForbiddenError
from mlmagic.targets.kubernetes.quotas import our_quotas, wants_limit
from mlmagic.targets.kubernetes.release import DISK, LIMITS, limits_of, requests_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlmagic.targets.kubernetes.connection import Connection, Object
    from mlmagic.targets.kubernetes.release import Release

_SIZES = (*LIMITS, DISK)
_SHOWN = (
    ("defaultRequest", "request by default"),
    ("default", "limit by default"),
    ("min", "at least"),
    ("max", "at most"),
    ("maxLimitRequestRatio", "limit over request at most"),
)


def within(connection: Connection, release: Release) -> Release:
    """Leave to the namespace what it gives a pod whose user said nothing, where ours does not fit.

    Raises:
        ConfigurationError: What the user said, or what the namespace gives, does not fit either;
            or a quota wants a limit that nothing gives.
    """
    items, quotas = _items(connection), our_quotas(connection)
    wrong, left_out = [], []
    for resource in _SIZES:
        said = limits_of(release.config).get(resource)
        limit = said or _given("default", resource, items)
        asked = requests_of(release.config).get(resource)
        words = _unfit(resource, asked, limit, items) if asked else ""
        if words and resource in LIMITS and getattr(release.config, resource) is None:
            # Of a container that says no request, its own limit is one before any LimitRange's.
            request = said or _given("defaultRequest", resource, items)
            words = _unfit(resource, request, limit, items) if request else words
            left_out += [resource] if request else []
        # Quotas count disk, but take pods that say nothing of it.
        if resource in LIMITS and (quota := wants_limit(resource, quotas)) and limit is None:
            wrong.append(f"the quota '{quota}' wants a limit of {resource}, and none is given")
        elif words:
            wrong.append(words)
    if wrong:
        first, *more = wrong
        text = f"The namespace '{connection.namespace}' refuses the pods: {first}."
        raise ConfigurationError(
            "\n".join([text, *(f"  {each}." for each in more)]),
            hint="Give --cpu REQUEST:LIMIT, --memory REQUEST:LIMIT or --ephemeral-storage SIZE "
            "within that, or ask for another LimitRange or quota.",
        )
    return replace(release, left_out=tuple(left_out))


def examine_limits(connection: Connection) -> Iterator[Check]:
    """Tell what pods get and may have."""
    for item in _items(connection):
        told = [
            f"{resource}: {', '.join(words)}"
            for resource in _SIZES
            if (
                words := [
                    f"{what} {item[key][resource]}"
                    for key, what in _SHOWN
                    if _has(item, key, resource)
                ]
            )
        ]
        if told:
            name = f"limit range '{item['name']}'"
            found = f"{item['type'].lower()}s, {'; '.join(told)}"
            yield Check(name=name, state="ok", found=found)


def _items(connection: Connection) -> list[Object]:
    """Return what the LimitRanges say of containers and pods, where they may be seen."""
    try:
        ranges, _ = connection.list("LimitRange")
    except ForbiddenError:
        return []
    return [
        {**item, "name": each["metadata"]["name"]}
        for each in ranges
        for item in each["spec"]["limits"]
        if item["type"] in ("Container", "Pod")
    ]


def _has(item: Object, key: str, resource: str) -> bool:
    return resource in (item.get(key) or {})


def _given(key: str, resource: str, items: list[Object]) -> str | None:
    return next((item[key][resource] for item in items if _has(item, key, resource)), None)


def _unfit(resource: str, request: str, limit: str | None, items: list[Object]) -> str:
    """Say why a pod is refused; empty where it is not."""
    from kubernetes.utils import parse_quantity

    asked = parse_quantity(request)
    if limit is not None and asked > parse_quantity(limit):
        return f"{request} of {resource} is asked for, and the limit by default is {limit}"
    for item in items:
        what = f"the LimitRange '{item['name']}' allows a {item['type'].lower()}"
        least, most = ((item.get(key) or {}).get(resource) for key in ("min", "max"))
        ratio = (item.get("maxLimitRequestRatio") or {}).get(resource)
        if least is not None and asked < parse_quantity(least):
            return f"{what} no less than {least} of {resource}, and {request} is asked for"
        if most is not None and (limit is None or parse_quantity(limit) > parse_quantity(most)):
            told = f"the limit is {limit}" if limit is not None else "no limit is given"
            return f"{what} no more than {most} of {resource}, and {told}"
        if ratio is not None and (
            limit is None or parse_quantity(limit) > parse_quantity(ratio) * asked
        ):
            told = f"{limit} over {request}" if limit is not None else "no limit is given"
            return f"{what} a limit of at most {ratio} times the {resource} asked for, and {told}"
    return ""
