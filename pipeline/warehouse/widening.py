"""What types the columns of a table may have had before: whole numbers of 32 bits are read beside those of 64."""

from deltalake import Field, Schema
from deltalake.schema import PrimitiveType

_SHORT, _LONG = PrimitiveType("integer"), PrimitiveType("long")


def joined(found: Schema, wanted: Schema) -> Schema | None:
    """The wanted schema, in which what is long already stays so; None where a column was of another type."""
    known = {field.name: field.type for field in found.fields}
    there = [(field, known.get(field.name, field.type)) for field in wanted.fields]
    if any(old != field.type and (old, field.type) not in [(_SHORT, _LONG), (_LONG, _SHORT)] for field, old in there):
        return None
    return Schema([Field(field.name, _LONG) if (old, field.type) == (_LONG, _SHORT) else field for field, old in there])
