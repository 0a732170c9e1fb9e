"""Inference and deployment configurations, from cells and files, checked with their lines.

Names are loaded when they are first used: who asks for a quantity needs no table of options.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlmagic.laziness import lazily

if TYPE_CHECKING:
    from mlmagic.configurations.configurations import (
        Configurations,
        KeptConfiguration,
        is_file_name,
    )
    from mlmagic.configurations.expanding import expand
    from mlmagic.configurations.parsing import Configuration, collection, parse
    from mlmagic.configurations.quantities import cpu_cores, memory_bytes, parse_quantity
    from mlmagic.configurations.v1_environment import (
        environment_of_run_configuration,
        fitting_python,
        read_environment_directory,
        take_apart,
        write_environment_directory,
    )
    from mlmagic.configurations.writing import WrittenConfiguration, write_configurations

_HOMES = {
    "Configuration": "parsing",
    "Configurations": "configurations",
    "KeptConfiguration": "configurations",
    "WrittenConfiguration": "writing",
    "collection": "parsing",
    "cpu_cores": "quantities",
    "environment_of_run_configuration": "v1_environment",
    "expand": "expanding",
    "fitting_python": "v1_environment",
    "is_file_name": "configurations",
    "memory_bytes": "quantities",
    "parse": "parsing",
    "parse_quantity": "quantities",
    "read_environment_directory": "v1_environment",
    "take_apart": "v1_environment",
    "write_configurations": "writing",
    "write_environment_directory": "v1_environment",
}

__all__ = [
    "Configuration",
    "Configurations",
    "KeptConfiguration",
    "WrittenConfiguration",
    "collection",
    "cpu_cores",
    "environment_of_run_configuration",
    "expand",
    "fitting_python",
    "is_file_name",
    "memory_bytes",
    "parse",
    "parse_quantity",
    "read_environment_directory",
    "take_apart",
    "write_configurations",
    "write_environment_directory",
]


__getattr__, __dir__ = lazily(__name__, _HOMES)
