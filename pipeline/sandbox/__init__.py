"""Local vendors that answer like the real ones, each in the folder of its name; ``Sandbox`` of this one is DIDWW's.

For the demo, which needs no account, and as the other side of the tests: records are seeded, the clock can
be replaced, every request is recorded, they misbehave on demand, and DIDWW's calls back when
it is told to. ``traffic`` is what they have to tell, ``files`` what they tell it in. All start and stop as ``running``
says, and answer at a ``desk``, where faults strike; what is asked to speak a ``dialect`` alone is a ``local`` vendor.
"""

from pipeline.sandbox.clock import ManualClock
from pipeline.sandbox.didww import Sandbox
from pipeline.sandbox.didww.exports import Export
from pipeline.sandbox.didww.ledger import Totals
from pipeline.sandbox.faults import Fault, Faults, Injection, Operation
from pipeline.sandbox.server import RecordedRequest
from pipeline.sandbox.traffic.columns import COLUMNS, DURATION, MONEY
from pipeline.sandbox.traffic.fixtures import trunk_id

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
