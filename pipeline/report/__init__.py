"""Report a month as one HTML file that opens anywhere, from the published warehouse alone.

The report reads neither the vendor nor the lake nor the clock, so the same published file makes the same report. It
shows DIDs, which belong to the reader, and no caller's number.
"""

from pipeline.report.published import reportable
from pipeline.report.write import write

__all__ = ["reportable", "write"]
