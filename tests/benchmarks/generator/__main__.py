"""``python -m tests.benchmarks.generator FILE RECORD_TYPE MONTH ROWS [bad]``."""

import sys
from pathlib import Path

from tests.benchmarks.generator.file import write

file, record_type, month, rows, *bad = sys.argv[1:]
write(Path(file), record_type, month, int(rows), bad=bool(bad))
