"""``python -m tests.benchmarks.inside.three_months FOLDER`` brings three months of both record types into it."""

import sys
from pathlib import Path

from tests.benchmarks.inside.vendor import asked, bring_in, vendor

with vendor(Path(sys.argv[1])) as (_, operations):
    for record_type, month, export in asked(operations):
        bring_in(operations, record_type, month, export)
    operations.rebuilder.refresh()
