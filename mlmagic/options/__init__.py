"""Every option of every verb, once.

Magics, commands, completion, configuration files and the reference page are made from these
tables, so they cannot drift apart.

    Option   one option of one verb: the keyword it fills, its flags, its kind
    Verb     one thing a user can ask for: its words, the method that does it, its options
    VERBS    all of them
"""

from mlmagic.options.cluster import CLUSTER
from mlmagic.options.describing import describe, describe_verb
from mlmagic.options.line import Line, read_line
from mlmagic.options.option import Kind, Option
from mlmagic.options.parsing import (
    argument_for,
    build_parser,
    grouped,
    parse,
    require,
    usage,
    usage_error,
)
from mlmagic.options.values import gigabytes, parse_quantity, read_body, read_sample
from mlmagic.options.verb import Verb
from mlmagic.options.verbs import (
    COMMON,
    VERBS,
    configuration_options,
    find_verb,
    group_verbs,
    magic_verb,
)

__all__ = [
    "CLUSTER",
    "COMMON",
    "VERBS",
    "Kind",
    "Line",
    "Option",
    "Verb",
    "argument_for",
    "build_parser",
    "configuration_options",
    "describe",
    "describe_verb",
    "find_verb",
    "gigabytes",
    "group_verbs",
    "grouped",
    "magic_verb",
    "parse",
    "parse_quantity",
    "read_body",
    "read_line",
    "read_sample",
    "require",
    "usage",
    "usage_error",
]
