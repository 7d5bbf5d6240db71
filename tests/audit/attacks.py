"""Records of attacks that go on for days, and of what only nearly is one."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random

Cells = dict[str, str]


def attacks(rng: Random) -> tuple[list[Cells], list[Cells]]:
    """The records of cdr_in and of cdr_out."""
    rings = list(_wangiri(rng))
    inbound = [*_pumping(rng), *(cells for cells in rings if "Destination DID" in cells)]
    back = (cells for cells in rings if "Destination Number" in cells)
    return inbound, [*_irsf(rng), *_false_answers(rng), *_scans(rng), *back]


def _times(start: datetime, rings: int | None, talks: int) -> Cells:
    connect = start + timedelta(seconds=rings or 0)
    return {
        "Date/Time Start (UTC)": f"{start:%Y-%m-%d %H:%M:%S}",
        "Date/Time Connect (UTC)": "" if rings is None else f"{connect:%Y-%m-%d %H:%M:%S}",
        "Date/Time End (UTC)": f"{connect + timedelta(seconds=talks):%Y-%m-%d %H:%M:%S}",
    }


def _dialled(start: datetime, rings: int | None, talks: int, **cells: str) -> Cells:
    code = "487" if rings is None else "200"
    seconds = {"Call Duration (sec)": str(talks), "Billing Duration (sec)": str(talks), "Disconnect Code": code}
    return _times(start, rings, talks) | seconds | {name.replace("_", " "): cell for name, cell in cells.items()}


def _irsf(rng: Random) -> Iterator[Cells]:
    """Cuba on three nights of five, for weeks, over the edge of a month; usual calls to it at the same hour."""
    first = datetime(2026, 9, 20, 2)  # noqa: DTZ001
    for night in range(20):
        for at in range(12 if night % 5 < 3 else 2):
            start = first + timedelta(days=night, seconds=at * 240 + rng.randrange(60))
            cells = _dialled(start, 1, 600, Voice_OUT_Trunk="PBX", Destination_Country="Cuba", Network="ETECSA")
            number = f"5377000{at % 3}" if night % 5 < 3 else f"53772{night:02}{at}"
            yield cells | {"Destination Number": number, "Charged (USD)": "9.000000", "Source": "447700900009"}
    for day in range(60):  # expensive calls that are usual
        for at in range(4):
            start = datetime(2026, 9, 5, 14) + timedelta(days=day, seconds=at * 300)  # noqa: DTZ001
            cells = _dialled(start, 2, 300, Voice_OUT_Trunk="PBX", Destination_Country="Cuba", Network="ETECSA")
            number = "53780000" if day % 13 == 12 else f"5378{day:02}{at}"
            yield cells | {"Destination Number": number, "Charged (USD)": "6.5", "Source": "447700900010"}


def _pumping(rng: Random) -> Iterator[Cells]:
    """A toll-free number pumped for nights on end, in August and September, and one that is busy as usual."""
    for night in range(18):
        for at in range(36):
            start = datetime(2026, 8, 22, 3) + timedelta(days=night, seconds=at * 90 + rng.randrange(30))  # noqa: DTZ001
            talks = 61 if at % 3 else 20 + at
            yield _charged(start, talks, "18005550199", f"1415555{rng.randrange(10**4):04}")
    for day in range(40):
        for at in range(34 if day % 9 == 8 else 11):
            start = datetime(2026, 8, 12, 15) + timedelta(days=day, seconds=at * 60)  # noqa: DTZ001
            yield _charged(start, 30 if at % 2 else 45, "18005550198", f"1212555{at:04}")


def _charged(start: datetime, talks: int, did: str, source: str) -> Cells:
    return _times(start, 1, talks) | {
        "Duration (sec)": str(talks),
        "Source": source,
        "Destination DID": did,
        "Attempt": "1",
        "Disconnect Code": "200",
        "Voice IN Trunk": "SIP",
        "Toll-free (USD)": "0.035",
        "Total (USD)": "0.035",
        "Call ID": f"tf-{did[-3:]}-{start:%d%H%M%S}",
    }


def _wangiri(rng: Random) -> Iterator[Cells]:
    """Ranges that ring many numbers in two months, and who called back; bursts that are just too few or too slow."""
    for month, prefix, rings, gap, dids in (
        (9, "2217712", 30, 100, 6),
        (9, "2217712", 25, 300, 7),
        (11, "2217713", 40, 20, 5),
        (11, "2217714", 40, 301, 8),
        (11, "2217715", 40, 20, 4),
        (11, "2217716", 19, 20, 9),
    ):
        start = datetime(2026, month, 10, 12 if gap != 300 else 20)  # noqa: DTZ001
        for at in range(rings):
            answered = at % 7 == 0
            yield _times(start + timedelta(seconds=at * gap), 0 if answered else None, 2 if answered else 0) | {
                "Duration (sec)": "2" if answered else "0",
                "Source": f"{prefix}{rng.randrange(1000):03}",
                "Destination DID": f"4420794600{at % dids:02}",
                "Attempt": "1",
                "Disconnect Code": "487",
                "Call ID": f"w{month}-{prefix}-{gap}-{at}",
                "Total (USD)": "0",
            }
        for at in range(3):
            back = _dialled(start + timedelta(hours=at * 5 - 2), 3, 120, Destination_Country="Senegal")
            yield back | {"Destination Number": f"{prefix}{at:03}", "Charged (USD)": "1.25", "Source": "447700900001"}


def _false_answers(rng: Random) -> Iterator[Cells]:
    """A network that answers at once on some days of October, and is honest on others."""
    for day in range(8):
        for at in range(20 + day):
            start = datetime(2026, 10, 5 + day, 8) + timedelta(seconds=at * 400)  # noqa: DTZ001
            false = day % 2 == 0 and at % 3
            cells = _dialled(start, rng.choice((0, 1)) if false else 4, 10 if false else 90, Destination_Country="Mali")
            yield cells | {"Network": "" if day == 6 else "Malitel", "Charged (USD)": "0.02", "Source": f"4420{at}"}


def _scans(rng: Random) -> Iterator[Cells]:
    """Number after number, some beyond 18 digits or words; a caller with many numbers who talks is none."""
    for month, source, step, talks in (
        (9, "scanner", 3, 4),
        (10, "slow", 11, 4),
        (11, "talker", 2, 30),
        (11, "deaf", 10, 0),
    ):
        for at in range(60):
            start = datetime(2026, month, 15, 4) + timedelta(seconds=at * 50)  # noqa: DTZ001
            number = {7: "9" * 19, 9: "0033100", 11: "word", 13: "", 15: "33100500"}.get(
                at, str(33_100_000 + at * step)
            )
            answered = talks and at % 4 == 0
            cells = _dialled(start, 2 if answered else None, talks if answered else 0, Voice_OUT_Trunk="PBX")
            yield cells | {"Source": source, "Destination Number": number, "Charged (USD)": rng.choice(("", "0.001"))}
