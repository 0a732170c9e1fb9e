"""Models: catalogue, content by digest, samples, safety.

Names are loaded when they are first used: neither the database nor a framework is imported early.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlmagic.laziness import lazily

if TYPE_CHECKING:
    from mlmagic.registry.collecting import GarbageReport
    from mlmagic.registry.content import ContentStore
    from mlmagic.registry.frameworks import framework_of
    from mlmagic.registry.metering import Meter
    from mlmagic.registry.placing import (
        loader_record,
        place_files,
        placed_model,
        write_loader_record,
    )
    from mlmagic.registry.registry import Registry
    from mlmagic.registry.remote import RemoteStore
    from mlmagic.registry.samples import read_sample
    from mlmagic.registry.trust import Decision
    from mlmagic.registry.verification import VerifyReport

_HOMES = {
    "ContentStore": "content",
    "Decision": "trust",
    "GarbageReport": "collecting",
    "Meter": "metering",
    "Registry": "registry",
    "RemoteStore": "remote",
    "VerifyReport": "verification",
    "framework_of": "frameworks",
    "loader_record": "placing",
    "place_files": "placing",
    "placed_model": "placing",
    "read_sample": "samples",
    "write_loader_record": "placing",
}

__all__ = [
    "ContentStore",
    "Decision",
    "GarbageReport",
    "Meter",
    "Registry",
    "RemoteStore",
    "VerifyReport",
    "framework_of",
    "loader_record",
    "place_files",
    "placed_model",
    "read_sample",
    "write_loader_record",
]


__getattr__, __dir__ = lazily(__name__, _HOMES)
