"""Local vendors that answer like the real ones: DIDWW here, each other in the module of its name.

For the demo, which needs no account, and as the other side of the tests: records are seeded, the clock can
be replaced, every request is recorded, they misbehave on demand, and DIDWW's calls back when
it is told to.
"""

from pipeline.sandbox.clock import ManualClock
from pipeline.sandbox.columns import COLUMNS, DURATION, MONEY
from pipeline.sandbox.estate import trunk_id
from pipeline.sandbox.exports import Export
from pipeline.sandbox.faults import Fault, Faults, Injection, Operation
from pipeline.sandbox.ledger import Totals
from pipeline.sandbox.sandbox import Sandbox
from pipeline.sandbox.server import RecordedRequest

__all__ = [
    "COLUMNS",
    "DURATION",
    "MONEY",
    "Export",
    "Fault",
    "Faults",
    "Injection",
    "ManualClock",
    "Operation",
    "RecordedRequest",
    "Sandbox",
    "Totals",
    "trunk_id",
]
