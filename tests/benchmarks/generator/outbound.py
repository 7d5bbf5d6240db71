"""Outbound calls like those of the sandbox, with its own numbers and prices, made a block at a time."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.sandbox.traffic import fixtures
from pipeline.sandbox.traffic import outbound as sandbox
from pipeline.sandbox.traffic.columns import CDR_OUT, COLUMNS
from pipeline.sandbox.traffic.rhythm import chance
from tests.benchmarks.generator.cells import Flags, Ints, amounts, ids, moments, numbers, picks

CLIS = [did.number for did in fixtures.dids(chance(7, "inbound estate"))[0]]
ODD = ("anonymous", "0012", "4", "00442079460001")
ACCOUNTS = [f"<sip:02089643990@customer.example.com;billing-account-id={200 + n}>" for n in range(40)]


def outbound(rng: np.random.Generator, starts: Ints) -> pa.Table:
    """Calls that start then (seconds since 1970): the cells of the file, and what SQL must add up."""
    count = len(starts)
    network = _network(rng, count)
    answered = rng.random(count) < sandbox._P_ANSWERED
    known = answered | (rng.random(count) >= sandbox._P_NOWHERE)  # to a number that some price list knows
    duration = np.where(answered, np.minimum(sandbox._LONGEST, 1 + rng.exponential(140, count).astype(int)), 0)
    connected = starts + 1 + rng.integers(0, 20, count)
    ended = np.where(answered, connected + duration, connected + rng.integers(0, 10, count))
    billed, charged, decimals = _charge(rng, network, duration, answered)
    code, reason = _endings(rng, answered)
    source, cli = _numbers(rng, count, known)
    identified = answered | (rng.random(count) >= sandbox._P_NO_CALL_ID)
    cells = (
        moments(starts),
        moments(connected, answered),
        moments(ended, answered | (rng.random(count) < sandbox._P_FAILED_WITH_END)),
        picks(("Failed", "Completed"), answered.astype(int)),
        source,
        cli,
        _destination(rng, network, known),
        numbers(duration),
        numbers(billed, known),
        code,
        reason,
        picks(fixtures.OUT_TRUNKS, (rng.random(count) ** 2 * 3).astype(int)),
        picks([n.country for n in fixtures.NETWORKS], network, known),
        picks([n.network for n in fixtures.NETWORKS], network, known),
        picks([*(n.call_type for n in fixtures.NETWORKS), "International"], np.where(known, network, -1) % 13),
        amounts(_of("rate")[network], _of("rate_decimals")[network], known),
        amounts(charged, np.where(known, decimals, 0)),
        picks(ACCOUNTS, rng.integers(0, 40, count), rng.random(count) < sandbox._P_P_CHARGE_INFO),
        ids(rng, count, identified),
    )
    truth = {
        "sum(duration_seconds)": duration,
        "coalesce(sum(billing_seconds), 0)": np.where(known, billed, 0),
        "CAST(sum(charged_usd) * 1000000 AS BIGINT)": charged,
        "count(call_id)": identified.astype(int),
        "sum(length(source_number))": pc.utf8_length(source),
        "count(connected_at)": answered.astype(int),
        "sum(epoch_ms(started_at)) // 1000": starts,
    }
    return pa.table({**dict(zip(COLUMNS[CDR_OUT], cells, strict=True)), **truth})


def _of(field: str) -> Ints:
    return np.array([getattr(network, field) for network in fixtures.NETWORKS])


def _network(rng: np.random.Generator, count: int) -> Ints:
    weights = np.diff(fixtures.NETWORK_WEIGHTS, prepend=0)
    return rng.choice(len(weights), count, p=weights / weights.sum())


def _charge(rng: np.random.Generator, network: Ints, duration: Ints, answered: Flags) -> tuple[Ints, Ints, Ints]:
    """Seconds billed, millionths charged, and how many decimals the file shows."""
    first, following = _of("first_step")[network], _of("next_step")[network]
    billed = np.where(answered, first + np.maximum(-(-(duration - first) // following), 0) * following, 0)
    which = rng.integers(0, len(sandbox._CHARGE_UNITS), len(network))
    unit, decimals = (np.array(sandbox._CHARGE_UNITS)[which, side] for side in (0, 1))
    charged = (_of("rate")[network] * billed + 30 * unit) // (60 * unit) * unit
    return billed, charged, np.where(answered, decimals, 3)


def _endings(rng: np.random.Generator, answered: Flags) -> tuple[pa.Array, pa.Array]:
    endings = [*sandbox._FAILURES, *(("200", goodbye) for goodbye in sandbox._GOODBYES)]
    failures = len(sandbox._FAILURES)
    failed, said = rng.integers(0, failures, len(answered)), failures + rng.integers(0, 3, len(answered))
    which = np.where(answered, said, failed)
    return picks([code for code, _ in endings], which), picks([reason for _, reason in endings], which)


def _numbers(rng: np.random.Generator, count: int, known: Flags) -> tuple[pa.Array, pa.Array]:
    """The caller's number and the one shown: an extension, a number of the company, or something odd."""
    extensions = [str(number) for number in range(270, 300)]
    cli, draw = rng.integers(0, len(CLIS), count), rng.random(count)
    odd = len(CLIS) + rng.integers(0, len(ODD), count)
    extension = len(CLIS) + len(ODD) + ((draw - 0.7) * 100).astype(int)
    shown = np.where(draw < sandbox._P_ODD_SOURCE, odd, np.where(draw < 0.7, cli, extension))
    return picks([*CLIS, *ODD, *extensions], shown), picks(CLIS, cli, known)


def _destination(rng: np.random.Generator, network: Ints, known: Flags) -> pa.Array:
    prefix = np.array([int(n.prefix) for n in fixtures.NETWORKS])[network]
    room = 10 ** _of("digits")[network]
    return numbers(prefix * room + (rng.random(len(network)) * room).astype(int), known)
