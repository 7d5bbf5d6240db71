"""Records of four months as the vendor writes them, with everything odd that is known of real ones; seeded."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from random import Random

from tests.audit.attacks import attacks

Cells = dict[str, str]

STARTS = {month: datetime(2026, month, 1) for month in (8, 9, 10, 11)}  # noqa: DTZ001
DAYS = {8: 31, 9: 30, 10: 31, 11: 20}
EMPTY = {"in": 10, "out": 8}
"""The month of each direction in which there was no call."""

ZERO = ("1970-01-01 00:00:00", "0001-01-01 00:00:00", "0000-00-00 00:00:00")
DIDS = ("442079460001", "442079460002", "18005550100", "497721", "31201234567", "")
CALLERS = ("447700900001", "447700900002", "4930123456", "anonymous", "", "00123", "Zoë", "14155550100")
NAMES = ("Müller, Jürgen", 'Jane "JD" Doe', "株式会社", "две\nстроки", "", "  spaced", "🙂", "=1+1")
TRUNKS = ("SIP", "Büro, Süd", "Backup", "")
CAUSES_IN = (
    ("200", "Bye", "Origination"),
    ("486", "Busy Here", "Destination"),
    ("487", "Request Terminated", "Origination"),
    ("480", "DID number overloaded", "Switch"),
    ("480", "did NUMBER overloaded", ""),
    ("480", "DID number overloaded", "destination"),
    ("480", "Temporarily Unavailable", "Destination"),
    ("302", "Moved", "Destination"),
    ("503", "Service Unavailable", "Switch"),
    ("603", "Decline", "Destination"),
    ("8023", "internal", "Switch"),
    ("", "", ""),
)
CAUSES_OUT = (
    ("200", "OK"),
    ("486", "Busy"),
    ("480", "DID number overloaded"),
    ("404", "Not Found"),
    ("500", ""),
    ("", ""),
)
COUNTRIES = (("France", "Orange"), ("Cuba", "ETECSA"), ("Côte d'Ivoire", "MTN"), ("France", ""), ("", ""))


def records(seed: int) -> tuple[list[Cells], list[Cells]]:
    """The records of cdr_in and of cdr_out."""
    made = _Traffic(Random(seed))  # noqa: S311  # the same each time, which is what is wanted
    inbound, outbound = attacks(Random(seed + 1))  # noqa: S311
    return [*inbound, *made.inbound()], [*outbound, *made.outbound()]


def said(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M:%S}"


class _Traffic:
    def __init__(self, rng: Random) -> None:
        self.rng = rng

    def inbound(self) -> Iterator[Cells]:
        for month in STARTS:
            if month != EMPTY["in"]:
                for _ in range(220):
                    yield from self.call(self.moment(month))
                yield from self.reused(month)
                yield from self.edge(month, self.attempt)
                yield from self.crowd(month)
                yield from self.refused(month, self.attempt)
        huge = {"Metered (USD)": "999999999999.999999", "Total (USD)": "999999999999.999999", "Call ID": "huge"}
        start = STARTS[8] + timedelta(days=3)
        yield from (self.attempt(start + timedelta(hours=n), n + 1) | huge for n in range(3))
        yield from (
            self.attempt(start, 1) | huge | {"Attempt": "1", "Source": "same", "Call ID": "sum"} for n in (1, 2)
        )
        both = {"Source": "same", "Call ID": "over", "Destination DID": DIDS[0]}
        yield from (self.attempt(start, n) | huge | both | {"Attempt": str(n)} for n in (1, 2))

    def outbound(self) -> Iterator[Cells]:
        for month in STARTS:
            if month != EMPTY["out"]:
                yield from (self.dialled(self.moment(month)) for _ in range(260))
                yield from self.edge(month, self.dialled)
                yield from self.refused(month, self.dialled)
        yield self.dialled(STARTS[9]) | {"Charged (USD)": "999999999999.999999", "Rate (USD)": "0.123456789"}

    def moment(self, month: int) -> datetime:
        """Mostly in a few busy hours, so that calls meet; sometimes in the same second."""
        hour = self.rng.choice((0, 9, 9, 10, 10, 10, 15, 23))
        day = self.rng.choice((0, 1, 4, 7, 8, DAYS[month] - 1, self.rng.randrange(DAYS[month])))
        return STARTS[month] + timedelta(
            days=day, hours=hour, seconds=self.rng.choice((0, 1, self.rng.randrange(3600)))
        )

    def call(self, start: datetime) -> Iterator[Cells]:
        """One call of one or more attempts, some of them odd."""
        shared = {
            "Call ID": self.rng.choice((f"c{self.rng.randrange(10**9)}",) * 6 + ("",)),
            "Source": self.rng.choice(CALLERS),
            "Destination DID": self.rng.choice(DIDS),
            "Capacity Group": self.rng.choice(("Group A", "Gruppe Ü", "")),
        }
        count, apart = self.rng.choice((1, 1, 1, 2, 3)), self.rng.choice((0, 5, 40, 700))
        whole = [
            self.attempt(start + timedelta(seconds=apart * n), n + 1, n == count - 1) | shared for n in range(count)
        ]
        whole *= self.rng.choice((1,) * 12 + (2, 3))
        yield from whole if self.rng.random() < 0.95 else whole[1:]

    def attempt(self, start: datetime, number: int = 1, last: bool = True) -> Cells:
        cells = self._timed(start, last and self.rng.random() < 0.6)
        code, reason, initiator = self.rng.choice(CAUSES_IN)
        amounts = [self.money() for _ in range(4)]
        total = "" if self.rng.random() < 0.03 else f"{sum(float(part or 0) for part in amounts):.4f}"
        return {
            **cells,
            "Source": self.rng.choice(CALLERS),
            "Source Name": self.rng.choice(NAMES),
            "Destination DID": self.rng.choice(DIDS),
            "Attempt": self.rng.choice((str(number),) * 20 + ("", "0", "2147483647")),
            "Disconnect Code": code,
            "Response": reason,
            "Disconnect Initiator": initiator,
            "Voice IN Trunk": self.rng.choice(TRUNKS),
            "Trunk Group": self.rng.choice(("Ring, all", "")),
            "Capacity Group": self.rng.choice(("Group A", "Gruppe Ü", "")),
            **dict(zip(("Toll-free (USD)", "PSTN (USD)", "Metered (USD)", "CNAM IN (USD)"), amounts, strict=True)),
            "Total (USD)": self.rng.choice((total,) * 9 + ("0.5",)),
        }

    def dialled(self, start: datetime, number: int = 1) -> Cells:
        answered = self.rng.random() < 0.6
        (code, reason), (country, network) = self.rng.choice(CAUSES_OUT), self.rng.choice(COUNTRIES)
        cells = self._timed(start, answered)
        cells["Call Duration (sec)"] = cells.pop("Duration (sec)")
        return {
            **cells,
            "Source": self.rng.choice(CALLERS),
            "Destination Number": self.rng.choice(("53771234", "33612345678", "2250700", "4", "", "unknown")),
            "Billing Duration (sec)": self.rng.choice((cells["Call Duration (sec)"], "60", "", "0")),
            "Disconnect Code": code,
            "Disconnect Reason": reason,
            "Voice OUT Trunk": self.rng.choice(TRUNKS),
            "Destination Country": country,
            "Network": network,
            "Call Type": self.rng.choice(("International", "Local", "")),
            "Rate (USD)": self.rng.choice(("0.01", "0.0642", "0.0123456789", "")),
            "Charged (USD)": self.money(),
            "Call ID": self.rng.choice((f"o{self.rng.randrange(10**9)}", "", "0")),
        }

    def money(self) -> str:
        return self.rng.choice(
            ("0.000", "0", "", "0.005", "0.0642", "1.5", "-0.25", "0.0000005", "0.0000015", "12.340000")
        )

    def _timed(self, start: datetime, answered: bool) -> Cells:
        """Start, connect, end and seconds; now and then what cannot be, and what is only just possible."""
        rings, talks = self.rng.randrange(40), self.rng.choice((0, 1, 6, 7, 59, 60, 600, self.rng.randrange(4000)))
        connect = start + timedelta(seconds=rings)
        end = connect + timedelta(seconds=talks if answered else 0)
        cells = {
            "connect": said(connect) if answered else "",
            "end": said(end),
            "seconds": str(talks if answered else 0),
        }
        odd = self.rng.random()
        if odd < 0.25:
            cells |= self.rng.choice(
                (
                    {"connect": self.rng.choice(ZERO)},
                    {"end": self.rng.choice(ZERO)},
                    {"end": ""},
                    {"end": said(start - timedelta(seconds=30))},
                    {"connect": said(start - timedelta(seconds=10))},
                    {"connect": said(end + timedelta(seconds=10))},
                    {"connect": said(start - timedelta(days=400))},
                    {"end": said(start + timedelta(days=33))},
                    {"end": said(start + timedelta(hours=30)), "seconds": "108000"},
                    {"seconds": ""},
                    {"seconds": "77"},
                )
            )
        if odd > 0.998:
            cells["seconds"] = self.rng.choice(("-1", "2678401", "1e3"))  # rejected
        return {
            "Date/Time Start (UTC)": said(start),
            "Date/Time Connect (UTC)": cells["connect"],
            "Date/Time End (UTC)": cells["end"],
            "Status": "Completed" if answered else "Failed",
            "Duration (sec)": cells["seconds"],
        }

    def reused(self, month: int) -> Iterator[Cells]:
        """An id that stands for none, and a counter that starts again, for callers and DIDs by turns."""
        for at in range(60):
            start = STARTS[month] + timedelta(days=at % 5, seconds=self.rng.choice((0, 300, 599, 600, 601, 1200, 9000)))
            one = {"Call ID": self.rng.choice(("0", "17")), "Source": CALLERS[at % 2], "Destination DID": DIDS[at % 3]}
            yield self.attempt(start, self.rng.choice((1, 1, 2, 3))) | one

    def edge(self, month: int, make: Callable[..., Cells]) -> Iterator[Cells]:
        """Calls in progress as the month ends, or begun in its last second; one that lasts as long as a call can."""
        over = STARTS[month] + timedelta(days=DAYS[month])
        for before, lasts in ((1, 0), (1, 5), (7200, 9000), (1800, 90000), (60, 60), (600, 2678400), (30, 3600)):
            start = over - timedelta(seconds=before)
            times = {"Date/Time Connect (UTC)": said(start + timedelta(seconds=min(lasts, 3)))}
            ends = {"Date/Time End (UTC)": said(start + timedelta(seconds=lasts))}
            cells = make(start)
            seconds = "Duration (sec)" if "Duration (sec)" in cells else "Call Duration (sec)"
            yield cells | times | ends | {seconds: str(max(lasts - 3, 0)), "Call ID": f"edge{before}-{lasts}"}

    def crowd(self, month: int) -> Iterator[Cells]:
        """Metered calls at once, equal starts and calls of no time among them."""
        start = STARTS[month] + timedelta(days=2, hours=11)
        for _ in range(40):
            begins = start + timedelta(seconds=self.rng.choice((0, 0, 5, self.rng.randrange(600))))
            lasts = self.rng.choice((0, 0, 1, 30, 600))
            yield self.attempt(begins) | {
                "Date/Time Connect (UTC)": said(begins),
                "Date/Time End (UTC)": said(begins + timedelta(seconds=lasts)),
                "Duration (sec)": str(lasts),
                "Metered (USD)": self.rng.choice(("0.01", "0.0333", "7", "-1", "0.000001")),
                "Capacity Group": self.rng.choice(("Group A", "")),
                "Call ID": f"crowd{self.rng.randrange(10**9)}",
                "Attempt": "1",
            }

    def refused(self, month: int, make: Callable[..., Cells]) -> Iterator[Cells]:
        """Calls that found every channel in use."""
        for at in range(12):
            cells = make(STARTS[month] + timedelta(days=2, hours=11 + at % 2, seconds=at))
            reason = "Response" if "Response" in cells else "Disconnect Reason"
            yield cells | {"Date/Time Connect (UTC)": "", "Disconnect Code": "480", reason: "DID number overloaded"}
