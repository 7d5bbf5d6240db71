"""Show whether the month is complete: changes since the export before, unreadable records, exact totals."""

from collections.abc import Iterator, Sequence

from pipeline.report.parts import Column, Section, table
from pipeline.report.published import Published, Row
from pipeline.report.wording import count, day, several, usd_exact
from pipeline.warehouse.records import Coverage


def differences(published: Published) -> Section:
    """Return what the newest export changed."""
    rows = published.rows("differences")
    loads = {row["record_type"]: row["exports"] for row in published.rows("loads")}
    columns = (
        Column("record_type", "Records"),
        Column("day", "Day, UTC", day),
        Column("rows_before", "Rows before", count),
        Column("rows_after", "Rows after", count),
        Column("rows_added", "Added", count),
        Column("rows_gone", "Gone", count),
        Column("rows_changed", "Changed", count),
        Column("seconds_more", "Seconds more", count),
        Column("usd_more", "USD more", usd_exact),
    )
    says = [_changed(row, loads.get(row.record_type, 0), rows) for row in published.covered if row.rows is not None]
    parts = [table("Days that differ from the export before", rows, columns)] if rows else []
    return Section("differences", "What changed since the export before", says, parts)


def _changed(row: Coverage, exports: int, rows: Sequence[Row]) -> str:
    if exports <= 1:
        return f"{row.record_type} was exported once, so there is nothing to compare."
    days = [one for one in rows if one["record_type"] == row.record_type]
    if not days:
        return f"The newest export of {row.record_type} is equal to the one before, in every cell."
    added, gone, changed = (sum(one[name] for one in days) for name in ("rows_added", "rows_gone", "rows_changed"))
    return (
        f"The newest export of {row.record_type} differs on {several(len(days), 'day')}: "
        f"{several(added, 'row')} added, {count(gone)} gone, {count(changed)} changed."
    )


def exactness(published: Published) -> Section:
    """Return whether every record is loaded or rejected, and every sum is that of the file."""
    rejected, books = published.rows("rejections"), published.rows("reconciliation")
    records = [row for row in books if row["component"] == _RECORDS]
    amounts = [row for row in books if row["component"] != _RECORDS]
    return Section(
        "exactness",
        "Is it complete and exact",
        [*_refused(rejected), *_balanced(books)],
        [
            *([table("Records that could not be read", rejected, _REASONS)] if rejected else []),
            *([table("Records: in the file, loaded, rejected", records, _COUNTS)] if records else []),
            *([table("Sums: of the file's text, loaded, rejected", _written(amounts), _SUMS)] if amounts else []),
        ],
        brief={"Not exact": " ".join(_balanced(books))} if _wrong(books) or _unknown(books) else {},
    )


_RECORDS = "rows"
_REASONS = (Column("record_type", "Records"), Column("reason", "Reason"), Column("records", "Rejected", count))
_COUNTS = (
    Column("record_type", "Records"),
    Column("counted", "Counted in the bytes", count),
    Column("archived", "Read", count),
    Column("published", "Loaded", count),
    Column("rejected", "Rejected", count),
    Column("difference", "Difference", count),
)
_SIDES = {"archived": "Of the text", "published": "Loaded", "rejected": "Rejected", "difference": "Difference"}
_SUMS = (
    Column("record_type", "Records"),
    Column("component", "Sum of"),
    *(Column(name, head, str) for name, head in _SIDES.items()),
    Column("unknown", "Amounts unknown", count),
)


def _written(books: Sequence[Row]) -> Iterator[Row]:
    """Write money to its last digit and seconds as whole numbers."""
    for row in books:
        write = usd_exact if row["component"].endswith("_usd") else count
        yield {**row, **{name: write(row[name]) for name in _SIDES}}


def _refused(rejected: Sequence[Row]) -> Iterator[str]:
    total = sum(row["records"] for row in rejected)
    if total:
        yield f"{several(total, 'record')} could not be read and are in no figure here; rejected_rows has the lines."
    else:
        yield "Every record of the month could be read."


def _wrong(books: Sequence[Row]) -> list[Row]:
    return [row for row in books if row["difference"] or row["counted"] not in {None, row["archived"]}]


def _unknown(books: Sequence[Row]) -> list[Row]:
    return [row for row in books if row["unknown"]]


def _balanced(books: Sequence[Row]) -> Iterator[str]:
    """Say whether the published records and sums equal those of the archived files, or cannot be compared."""
    if not books:
        yield "trends.reconciliation has no sums of this month, so they were not compared with the archive."
        return
    wrong, unknown = _wrong(books), _unknown(books)
    if wrong:
        yield f"The published tables differ from the archived files in {_named(wrong)}: run `cdr rebuild`."
    if unknown:
        yield (
            f"The archived files hold amounts that cannot be read and are in no sum, of {_named(unknown)}: "
            "rejected_rows has their records, and those sums are exact only without them."
        )
    if not wrong:
        which = "All other" if unknown else "All"
        sums = len(books) - len(unknown)
        yield f"{which} {sums} sums of rows, seconds and money are those of the archived files, to the last digit."


def _named(books: Sequence[Row]) -> str:
    return ", ".join(f"{row['record_type']} {row['component']}" for row in books)
