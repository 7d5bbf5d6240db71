"""Outbound calls (``cdr_out``): one record per call; charged by the destination's rate and billing steps."""

from datetime import date
from random import Random

from pipeline.sandbox.traffic import fixtures
from pipeline.sandbox.traffic.record import Record, epoch, usd
from pipeline.sandbox.traffic.rhythm import Moments, call_starts, chance

_FAILURES = (
    *[("486", "Busy here")] * 24,
    *[("487", "Request terminated (Cancel)")] * 40,
    *[("404", "Not Found")] * 10,
    *[("480", "Temporarily Unavailable")] * 14,
    *[("503", "Service Unavailable")] * 5,
    *[("408", "SIP transaction timeout")] * 4,
    *[("603", "Decline")] * 3,
)
_GOODBYES = ("Normal call clearing", "Normal call clearing", "Bye")
_CHARGE_UNITS = ((100, 4), (100, 4), (10, 5), (1, 6))
_LONGEST = 4 * 3600

_P_ANSWERED = 0.71
_P_ODD_SOURCE = 0.03
_P_P_CHARGE_INFO = 0.08
_P_NOWHERE = 0.15
_P_NO_CALL_ID = 0.2
_P_TWINS = 0.03
_P_FAILED_WITH_END = 0.3


class OutboundCalls:
    """The outbound calls of the customer of a seed, ordered by start."""

    def __init__(self, seed: int, calls_per_day: int) -> None:
        self._seed = seed
        self._mean = calls_per_day
        owned, _ = fixtures.dids(chance(seed, "inbound estate"))
        self._cli = [did.number for did in owned]

    def day(self, day: date) -> list[Record]:
        """Return the calls that start on ``day``."""
        rng = chance(self._seed, "cdr_out", day)
        starts = call_starts(rng, day, self._mean)
        moments, midnight = Moments(day), epoch(day)
        networks = rng.choices(fixtures.NETWORKS, cum_weights=fixtures.NETWORK_WEIGHTS, k=len(starts))
        records: list[Record] = []
        for second, network in zip(starts, networks, strict=True):
            if rng.random() < _P_ANSWERED:
                records.append(self._answered(rng, second, network, moments, midnight))
                continue
            records.append(self._failed(rng, second, network, moments, midnight))
            if not records[-1].cells[-1] and rng.random() < _P_TWINS:
                # Two calls of one dialler in one second: distinct calls with identical bytes.
                records.append(records[-1])
        return records

    def _numbers(self, rng: Random) -> tuple[str, str]:
        cli = self._cli[int(rng.random() * len(self._cli))]
        draw = rng.random()
        if draw < _P_ODD_SOURCE:
            return rng.choice(("anonymous", "0012", "4", "00442079460001")), cli
        # A part of the extensions show themselves, the others a number of the company.
        return (cli, cli) if draw < 0.7 else (f"{200 + int(draw * 100)}", cli)

    def _answered(self, rng: Random, second: int, network: fixtures.Network, moments: Moments, midnight: int) -> Record:
        source, cli = self._numbers(rng)
        connected = second + 1 + int(rng.random() * 20)
        duration = min(_LONGEST, 1 + int(rng.expovariate(1 / 140)))
        billed = _billed(duration, network.first_step, network.next_step)
        unit, decimals = _CHARGE_UNITS[int(rng.random() * 4)]
        charged = (network.rate * billed + 30 * unit) // (60 * unit) * unit
        cells = (
            moments.text(second),
            moments.text(connected),
            moments.text(connected + duration),
            "Completed",
            source,
            cli,
            _destination(rng, network),
            str(duration),
            str(billed),
            "200",
            _GOODBYES[int(rng.random() * 3)],
            fixtures.OUT_TRUNKS[int(rng.random() ** 2 * 3)],
            network.country,
            network.network,
            network.call_type,
            usd(network.rate, network.rate_decimals),
            usd(charged, decimals),
            _p_charge_info(rng),
            f"{rng.getrandbits(96):024x}",
        )
        return Record(midnight + second, midnight + connected + duration, cells)

    def _failed(self, rng: Random, second: int, network: fixtures.Network, moments: Moments, midnight: int) -> Record:
        source, cli = self._numbers(rng)
        code, reason = _FAILURES[int(rng.random() * len(_FAILURES))]
        ended = second + 1 + int(rng.random() * 30)
        # A number that is in no price list: no country, no network, no rate, and a plain zero.
        nowhere = rng.random() < _P_NOWHERE
        cells = (
            moments.text(second),
            "",
            moments.text(ended) if rng.random() < _P_FAILED_WITH_END else "",
            "Failed",
            source,
            "" if nowhere else cli,
            "" if nowhere else _destination(rng, network),
            "0",
            "" if nowhere else "0",
            code,
            reason,
            fixtures.OUT_TRUNKS[int(rng.random() ** 2 * 3)],
            "" if nowhere else network.country,
            "" if nowhere else network.network,
            "International" if nowhere else network.call_type,
            "" if nowhere else usd(network.rate, network.rate_decimals),
            "0" if nowhere else "0.000",
            _p_charge_info(rng),
            "" if rng.random() < _P_NO_CALL_ID else f"{rng.getrandbits(96):024x}",
        )
        return Record(midnight + second, midnight + ended, cells)


def _billed(duration: int, first_step: int, next_step: int) -> int:
    if duration <= first_step:
        return first_step
    return first_step + -(-(duration - first_step) // next_step) * next_step


def _destination(rng: Random, network: fixtures.Network) -> str:
    return f"{network.prefix}{int(rng.random() * 10**network.digits):0{network.digits}d}"


def _p_charge_info(rng: Random) -> str:
    if rng.random() >= _P_P_CHARGE_INFO:
        return ""
    account = 200 + int(rng.random() * 40)
    return f"<sip:02089643990@customer.example.com;billing-account-id={account}>"
