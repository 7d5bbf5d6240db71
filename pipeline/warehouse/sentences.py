"""Sentences for the columns of the pipeline's own tables and of the tables that people may edit."""

SENTENCES = {
    "record_type": "Record type: cdr_in, cdr_out, or the table of another export.",
    "month": "Calendar month of call start, YYYY-MM (UTC).",
    "export_id": "The vendor's id of the export.",
    "reference": "The reference under which it was requested.",
    "window_start": "Start of the requested window (UTC), inclusive.",
    "window_end": "End of the requested window (UTC), exclusive.",
    "created_at": "When the vendor created the export (UTC).",
    "filters": "The filters as the vendor echoed them, JSON.",
    "api_version": "API version that was served.",
    "landed_at": "When its file was verified and kept (UTC).",
    "file": "The file's place under the data directory; NULL once its month has expired.",
    "bytes": "Size of the file as served, or as rewritten by an erasure, bytes.",
    "sha256": "Checksum of the file as served, or as rewritten by an erasure.",
    "records_told": "How many records the vendor says that the file holds; NULL where it does not say.",
    "companions": "Further files of the export by kind (sanitized, errors), each with size and checksum, JSON.",
    "loaded_at": "When its rows were committed to the lake (UTC).",
    "rows": "Rows loaded.",
    "rejected_rows": "Records that could not be typed; rejected_rows has them.",
    "outside_month_rows": "Loaded rows whose start lies outside the month.",
    "left_out_rows": "Records of the file that are another month's, and not loaded with this one.",
    "unknown_columns": "Columns of the file that the schema does not know; their cells are in extra.",
    "altered_cells": "How many cells of each column hold something else than was served, which is in extra, JSON.",
    "duration_seconds": "Connected seconds loaded; NULL of what is no call.",
    "cost_usd": "Money loaded, USD: total_usd of cdr_in, charged_usd of cdr_out; NULL of what is no call.",
    "control_totals": "Rows and the exact sum of each control column as read from the file, JSON.",
    "rejected_totals": "The part of the control totals in records that could not be typed, JSON.",
    "counted_records": "Records counted in the bytes of the file, by another reader than the rows; NULL if not noted.",
    "replaced_rows": "Loaded rows in which bytes that are not UTF-8 became U+FFFD; extra has the record as served.",
    "sanitized_records": "Records that the vendor left out of the file as possibly malicious: rejected_rows has those "
    "of the month; NULL where it gave no file of them, or one that cannot be read.",
    "failed_records": "Records that failed at the vendor, and are nowhere else; NULL where it gave no file of them, or "
    "one that cannot be read.",
    "unknown_amounts": "How many amounts of rejected records are in no total, because they cannot be read, JSON.",
    "counted": "Of rows, the records of the month counted in the bytes of the file; NULL of amounts, or if not noted.",
    "unknown": "Amounts of rejected records that cannot be read, so are in no sum; NULL of rows, or if not noted.",
    "name": "What was added up: rows, or a column of seconds or US dollars.",
    "amount": "Its sum over the export's file, as read from the text.",
    "rejected": "The part of it in records that could not be typed.",
    "state": "missing, requested, open (the month was still running), settling, sealed or expired.",
    "loaded_until": "End of the loaded window (UTC).",
    "dropped_on": "When the vendor forgets the month (UTC); NULL where it never does.",
    "days_left": "Whole days until then; negative once it is gone.",
    "day": "Day of call start (UTC) on which the two exports differ.",
    "previous_export_id": "The vendor's id of the export that was replaced.",
    "rows_before": "Rows of the day in the export that was replaced.",
    "rows_after": "Rows of the day in the export that replaced it.",
    "rows_added": "Rows that are new, of calls or attempts that were not there.",
    "rows_gone": "Rows that are gone, of calls or attempts that are no longer there.",
    "rows_changed": "Rows of the same call and attempt with other cells.",
    "seconds_more": "Connected seconds more than before; negative for fewer.",
    "usd_more": "Money more than before, USD; negative for less.",
}

SEED_COLUMNS = {
    "disconnect_code": "SIP or internal code, as in the records; empty for any.",
    "disconnect_reason": "The text that comes with the code, in any case of letters; empty for any.",
    "disconnect_initiator": "Which side hung up, in the vendor's word; empty for any, and for outbound.",
    "class": "The class that it counts in.",
    "name": "What the setting is called where it is read.",
    "value": "Its value; a number as text.",
    "about": "What it means.",
}

TABLES = {
    "cdr_in": "One row per inbound routing attempt.",
    "cdr_out": "One row per outbound call.",
    "exports": "One row per requested export: its window and filters, its file, and what was loaded from it.",
    "control_totals": "One row per control total of an export that was loaded: its sum over the file.",
    "coverage": "One row per record type and month: its state, what is loaded, and when the vendor forgets it.",
    "differences": "One row per day on which a re-export differed from the export that it replaced.",
    "rejected_rows": "One row per record that was not loaded.",
}
"""A sentence for every table that is not made by a file of ``sql/``."""

DECLARED = "One row per record of an export that the file of exports declares."
"""The sentence of a table whose contents only the vendor knows."""
