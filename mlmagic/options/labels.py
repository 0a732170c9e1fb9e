"""Tags and properties: how lists are narrowed by them, and how they are changed."""

from __future__ import annotations

from mlmagic.options.option import Option

TAG_FILTER = Option(
    name="tags",
    flags=("--tag",),
    help="only those with this tag, 'KEY' or 'KEY=VALUE'; may be repeated",
    repeat=True,
    metavar="TAG",
)

PROPERTY_FILTER = Option(
    name="properties",
    flags=("--property",),
    help="only those with this property, 'KEY' or 'KEY=VALUE'; may be repeated",
    repeat=True,
    metavar="PROPERTY",
)

LABEL_CHANGES = (
    Option(
        name="add_tags",
        flags=("--add-tag",),
        help="set a tag; may be repeated",
        kind="pair",
    ),
    Option(
        name="remove_tags",
        flags=("--remove-tag",),
        help="take a tag away; may be repeated",
        repeat=True,
        metavar="KEY",
    ),
    Option(
        name="add_properties",
        flags=("--add-property",),
        help="add a property; may be repeated",
        kind="pair",
    ),
)
