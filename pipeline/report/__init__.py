"""The report: one month as one HTML file that opens anywhere, made of the published warehouse alone.

Nothing here asks the vendor, the lake or the clock: the same published file makes the same report. No caller's
number is shown; DIDs are the reader's own.
"""

from pipeline.report.published import reportable
from pipeline.report.write import write

__all__ = ["reportable", "write"]
