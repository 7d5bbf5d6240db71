"""Merge the schemas of a table over time: whole numbers of 32 bits are read beside whole numbers of 64."""

from deltalake import Field, Schema
from deltalake.schema import PrimitiveType

_SHORT, _LONG = PrimitiveType("integer"), PrimitiveType("long")


def merged(found: Schema, wanted: Schema) -> Schema | None:
    """Return the wanted schema with every whole number that is 64 bits wide already; None if another type differs."""
    known = {field.name: field.type for field in found.fields}
    pairs = [(field, known.get(field.name, field.type)) for field in wanted.fields]
    if any(old != field.type and (old, field.type) not in [(_SHORT, _LONG), (_LONG, _SHORT)] for field, old in pairs):
        return None
    return Schema([Field(field.name, _LONG) if (old, field.type) == (_LONG, _SHORT) else field for field, old in pairs])
