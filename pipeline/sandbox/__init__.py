"""Fake vendors that answer like the real ones on 127.0.0.1, for the demo, for trials without an account and for tests.

Records come from a seed, the clock can be replaced, every request is recorded, and faults are injected on demand. Each
vendor is ``Sandbox`` in the folder of its name; the one exported here is DIDWW's. ``traffic`` makes the records,
``files`` the files, ``running`` starts and stops the server, ``handler`` answers and injects the faults. A ``local``
vendor is made of a ``dialect``.

This is no part of the product: nothing imports it, and it imports the calendar alone.
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
