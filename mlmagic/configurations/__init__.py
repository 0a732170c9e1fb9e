"""Inference and deployment configurations, from cells and files, checked with their lines."""

from mlmagic.configurations.configurations import Configurations, KeptConfiguration, is_file_name
from mlmagic.configurations.parsing import Configuration, parse
from mlmagic.configurations.quantities import cpu_cores, memory_bytes, parse_quantity

__all__ = [
    "Configuration",
    "Configurations",
    "KeptConfiguration",
    "cpu_cores",
    "is_file_name",
    "memory_bytes",
    "parse",
    "parse_quantity",
]
