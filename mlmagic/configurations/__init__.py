"""Inference and deployment configurations, from cells and files, checked with their lines."""

from mlmagic.configurations.configurations import Configurations, KeptConfiguration, is_file_name
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
