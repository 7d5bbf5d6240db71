"""Routing attempts of inbound calls like those of the sandbox, with its own DIDs and prices, a block at a time."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.sandbox.traffic import fixtures
from pipeline.sandbox.traffic import inbound as sandbox
from pipeline.sandbox.traffic.columns import CDR_IN, COLUMNS
from pipeline.sandbox.traffic.rhythm import chance
from tests.benchmarks.generator.cells import Flags, Ints, amounts, ids, moments, numbers, padded, picks

DIDS, WEIGHTS = fixtures.dids(chance(7, "inbound estate"))
TRUNKS = sorted({trunk for did in DIDS for trunk in did.trunks}, key=lambda trunk: trunk.name)
ROUTES = np.array([[TRUNKS.index(did.trunks[min(at, len(did.trunks) - 1)]) for at in range(3)] for did in DIDS])
LONG_NAMES = [*fixtures.NAMES, *(f"{name}\nSecond line" for name in fixtures.NAMES)]
NO_MONEY = np.array([[len(text.partition(".")[2]) for text in texts] for texts in sandbox._NO_MONEY])
_NEWLINE_RATE = 0.0002


def inbound(rng: np.random.Generator, starts: Ints) -> pa.Table:
    """As many attempts as there are ``starts`` (seconds since 1970), of calls that start at some of them."""
    count = len(starts)
    called = rng.choice(len(DIDS), count, p=np.diff(WEIGHTS, prepend=0) / WEIGHTS[-1])
    draw = rng.random(count)
    wanted = 1 + (draw < sandbox._P_REROUTED) + (draw < sandbox._P_REROUTED_TWICE)
    tries = np.minimum(wanted, np.array([len(did.trunks) for did in DIDS])[called])
    ended_well = rng.random(count) < sandbox._P_ANSWERED
    identified = ended_well | (tries > 1) | (rng.random(count) >= sandbox._P_NO_CALL_ID)
    source, name = _caller(rng, count)
    shared = pa.table({"source": source, "name": name, "id": ids(rng, count, identified)})

    call = np.repeat(np.arange(count), tries)[:count]
    attempt = np.arange(count) - np.searchsorted(call, call) + 1
    answered = ended_well[call] & (attempt == tries[call])
    begun = np.sort(rng.choice(starts, call[-1] + 1))[call]
    return _attempts(rng, begun, called[call], attempt, answered, shared.take(pa.array(call)))


def _attempts(
    rng: np.random.Generator, begun: Ints, did: Ints, attempt: Ints, answered: Flags, call: pa.Table
) -> pa.Table:
    count = len(begun)
    duration = np.where(answered, np.minimum(sandbox._LONGEST, 1 + rng.exponential(170, count).astype(int)), 0)
    connected = begun + 1 + attempt * rng.integers(0, 12, count)
    trunk = ROUTES[did, attempt - 1]
    money, decimals = _money(rng, did, trunk, duration, call["name"].is_valid().to_numpy())
    cells = (
        moments(begun),
        moments(connected, answered),
        moments(connected + duration, answered | (rng.random(count) < sandbox._P_FAILED_WITH_END)),
        picks(("Failed", "Completed"), answered.astype(int)),
        call["source"],
        call["name"],
        picks([d.number for d in DIDS], did),
        numbers(duration),
        numbers(attempt),
        *_endings(rng, answered),
        picks([t.name for t in TRUNKS], trunk),
        picks([t.destination for t in TRUNKS], trunk),
        picks([d.trunk_group for d in DIDS], did),
        picks([d.capacity_group for d in DIDS], did),
        *map(amounts, money, decimals),
        call["id"],
    )
    truth = {
        "sum(duration_seconds)": duration,
        "sum(attempt)": attempt,
        "CAST(sum(total_usd) * 1000000 AS BIGINT)": money[-1],
        "CAST(sum(pstn_usd) * 1000000 AS BIGINT)": money[1],
        "count(call_id)": call["id"].is_valid().cast(pa.int64()),
        "coalesce(sum(length(source_number)), 0)": pc.utf8_length(call["source"]),
        "count(connected_at)": answered.astype(int),
        "sum(epoch_ms(started_at)) // 1000": begun,
    }
    return pa.table({**dict(zip(COLUMNS[CDR_IN], cells, strict=True)), **truth})


def _caller(rng: np.random.Generator, count: int) -> tuple[pa.Array, pa.Array]:
    """Who calls: a regular with a name, somebody who hides, or any number, with that for a name or none."""
    draw = rng.random(count)
    odd, regular = draw < sandbox._P_ODD_CALLER, draw < sandbox._P_ODD_CALLER + sandbox._P_REGULAR
    who = rng.integers(0, sandbox._REGULARS, count)
    fixed = _any_number(np.random.default_rng(7), sandbox._REGULARS).take(pa.array(who))
    hidden = picks(fixtures.ODD_CALLERS, rng.integers(0, len(fixtures.ODD_CALLERS), count))
    source = pc.if_else(odd, hidden, pc.if_else(regular, fixed, _any_number(rng, count)))
    long = (rng.random(count) < _NEWLINE_RATE) * len(fixtures.NAMES)
    named = picks(LONG_NAMES, who % len(fixtures.NAMES) + long, regular & ~odd)
    is_number = np.where(odd, draw < sandbox._P_ODD_CALLER / 2, rng.random(count) < sandbox._P_NAME_IS_NUMBER)
    return source, pc.if_else(is_number & (odd | ~regular), source, named)


def _any_number(rng: np.random.Generator, count: int) -> pa.Array:
    which = rng.integers(0, len(fixtures.CALLER_RANGES), count)
    digits = np.array([digits for _, digits in fixtures.CALLER_RANGES])[which]
    prefix = picks([prefix for prefix, _ in fixtures.CALLER_RANGES], which)
    return pc.binary_join_element_wise(prefix, padded((rng.random(count) * 10**digits).astype(int), digits), "")


def _endings(rng: np.random.Generator, answered: Flags) -> tuple[pa.Array, ...]:
    endings = [*sandbox._FAILURES, ("200", "Bye", "Origination"), ("200", "Bye", "Destination")]
    failures = len(sandbox._FAILURES)
    said = failures + (rng.random(len(answered)) >= 0.6)
    which = np.where(answered, said, rng.integers(0, failures, len(answered)))
    return tuple(picks([ending[part] for ending in endings], which) for part in range(3))


def _money(
    rng: np.random.Generator, did: Ints, trunk: Ints, duration: Ints, named: Flags
) -> tuple[list[Ints], list[Ints]]:
    """Millionths of each of the five amounts, and how many decimals the file shows of each."""
    which = rng.integers(0, len(sandbox._DECIMALS), len(did))
    shown = np.array(sandbox._DECIMALS)[which]
    unit = 10 ** (6 - shown)
    rates = (
        np.array([d.toll_free_rate for d in DIDS])[did],
        np.array([t.pstn_rate for t in TRUNKS])[trunk],
        np.array([d.metered_rate for d in DIDS])[did],
    )
    parts = [(rate * duration + 30 * unit) // (60 * unit) * unit for rate in rates]
    looked_up = named & (duration > 0) & (rng.random(len(did)) < 0.7)
    parts.append(looked_up * sandbox._CNAM_FEE)
    parts.append(sum(parts, np.zeros(len(did), dtype=np.int64)))
    nothing = NO_MONEY[rng.integers(0, len(NO_MONEY), len(did))]
    free = parts[-1] == 0
    return parts, [np.where(free, nothing[:, at], np.where(part, shown, 3)) for at, part in enumerate(parts)]
