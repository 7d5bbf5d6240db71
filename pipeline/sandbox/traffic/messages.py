"""Messages (``sms_in``, ``sms_out``): one record per message, without a price."""

import uuid
from datetime import date
from random import Random

from pipeline.sandbox.traffic import fixtures
from pipeline.sandbox.traffic.columns import SMS_IN, SMS_OUT
from pipeline.sandbox.traffic.record import Cells, Record, epoch
from pipeline.sandbox.traffic.rhythm import Moments, call_starts, chance

TRUNK_TYPES = ("SMPP SMSC", "SMPP ESME", "Email", "HTTP IN")
STATUSES = {
    SMS_IN: ("Success", "Failed", "Queued"),
    SMS_OUT: ("Routing Error", "In Progress", "Queued", "Failed", "Success"),
}

_TRUNKS = ("SMS Trunk HQ", "Notifications, bulk", "Überlauf; Süd")
_SENDERS = ("ACME", "ACME Corp.", "1202555", "+44 20 7946", "")
_P_SUCCESS = 0.9
_P_SENDER_ID = 0.15
_LONGEST_LAG = 40


class Messages:
    """The messages of one direction of the customer of a seed, ordered by time.

    Args:
        export_type: ``sms_in`` or ``sms_out``.
        seed: The same seed makes the same messages.
        per_day: The average number of messages a day.
    """

    def __init__(self, export_type: str, seed: int, per_day: int) -> None:
        self._type = export_type
        self._seed = seed
        self._mean = per_day
        owned, _ = fixtures.dids(chance(seed, "inbound estate"))
        self._own = [did.number for did in owned]

    def day(self, day: date) -> list[Record]:
        """Return the messages of ``day``."""
        rng = chance(self._seed, self._type, day)
        moments, midnight = Moments(day), epoch(day)
        records = []
        for second in call_starts(rng, day, self._mean):
            came = midnight + second
            records.append(Record(came, came + rng.randrange(_LONGEST_LAG), self._cells(rng, moments, second)))
        return records

    def _cells(self, rng: Random, moments: Moments, second: int) -> Cells:
        words = STATUSES[self._type]
        status = "Success" if rng.random() < _P_SUCCESS else rng.choice(words)
        other, trunk = _other(rng), rng.choice(_TRUNKS)
        message, fragments = str(uuid.UUID(int=rng.getrandbits(128), version=4)), str(1 + int(rng.random() ** 4 * 3))
        if self._type == SMS_IN:
            kind = rng.choice(TRUNK_TYPES)
            return (moments.text(second), status, other, rng.choice(self._own), kind, trunk, message, fragments)
        sender = rng.choice(_SENDERS) if rng.random() < _P_SENDER_ID else rng.choice(self._own)
        verified = fixtures.trunk_id(sender) if sender.startswith("ACME") else ""
        service = rng.choice(("P2P", "A2P"))
        return (moments.text(second), status, sender, other, service, trunk, verified, message, fragments)


def _other(rng: Random) -> str:
    prefix, digits = rng.choice(fixtures.CALLER_RANGES)
    return f"{prefix}{rng.randrange(10**digits):0{digits}d}"
