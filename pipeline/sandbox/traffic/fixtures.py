"""The customer of the sandbox: numbers, trunks, groups, destinations and callers.

Numbers come from ranges that regulators reserve for fiction, where a country has one.
"""

import uuid
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from random import Random

_TRUNK_IDS = uuid.UUID("457bf47d-446d-41cd-91c3-dfbda7bf0753")


@cache
def trunk_id(name: str) -> str:
    """Return the id of the outbound trunk of that name, as in the filter ``voice_out_trunk.id``."""
    return str(uuid.uuid5(_TRUNK_IDS, name))


@dataclass(frozen=True)
class Trunk:
    """A trunk for inbound calls; ``pstn_rate`` is in millionths of a dollar per minute."""

    name: str
    destination: str
    pstn_rate: int = 0


@dataclass(frozen=True)
class Did:
    """A DID, its trunks, and its rates in millionths of a dollar per minute."""

    number: str
    trunks: tuple[Trunk, ...]
    trunk_group: str
    capacity_group: str
    toll_free_rate: int
    metered_rate: int


@dataclass(frozen=True)
class Network:
    """An outbound destination; ``rate`` is in millionths of a dollar per minute, the billing steps in seconds."""

    country: str
    network: str
    prefix: str
    digits: int
    call_type: str
    rate: int
    rate_decimals: int
    first_step: int
    next_step: int


_HQ = Trunk("SIP Trunk HQ", "sip:pbx@hq.example.com")
_BRANCH = Trunk("SIP Trunk Branch", "sip:pbx@branch.example.com:5061;transport=tls")
_CLOUD = Trunk("Cloud PBX, Frankfurt", "sip:{DID}@fra.cloud-pbx.example.net")
_LEGACY = Trunk("Asterisk (legacy)", "iax:324@34234234")
_MOBILE = Trunk("On-call mobile", "447700900123", 18_500)
_DESK = Trunk("Front desk & night", "442079460999", 9_000)

_GROUPS: tuple[tuple[str, tuple[Trunk, ...]], ...] = (
    ("Trunk Group A", (_HQ, _BRANCH, _MOBILE)),
    ("Trunk Group B", (_CLOUD, _HQ, _DESK)),
    ("Überlauf; Süd", (_BRANCH, _CLOUD)),
    ("", (_LEGACY, _HQ)),
    ("", (_DESK,)),
)
_CAPACITY = ("Shared Cap A", "Shared Cap B", "")

_RANGES: tuple[tuple[str, int, bool, int], ...] = (
    ("44207946", 4, False, 12),
    ("1202555", 4, False, 8),
    ("9728625", 5, False, 3),
    ("493023125", 3, False, 6),
    ("331990", 5, False, 4),
    ("46846500", 3, False, 2),
    ("612555", 5, False, 2),
    ("3531", 7, False, 2),
    ("390", 9, False, 2),
    ("1800555", 4, True, 2),
    ("44808157", 4, True, 2),
)
_IDLE_EVERY = 8


def dids(rng: Random) -> tuple[list[Did], list[float]]:
    """Return every DID, and cumulative weights of use: a few are busy, some are idle."""
    owned = [_did(rng, prefix, digits, toll_free) for prefix, digits, toll_free, count in _RANGES for _ in range(count)]
    rng.shuffle(owned)
    weights = [0.0 if rank % _IDLE_EVERY == _IDLE_EVERY - 1 else 1 / (rank + 1) for rank in range(len(owned))]
    return owned, list(accumulate(weights))


def _did(rng: Random, prefix: str, digits: int, toll_free: bool) -> Did:
    group, trunks = rng.choice(_GROUPS)
    capacity = rng.choice(_CAPACITY)
    return Did(
        number=prefix + f"{rng.randrange(10**digits):0{digits}d}",
        trunks=trunks,
        trunk_group=group,
        capacity_group=capacity,
        toll_free_rate=rng.choice((21_000, 24_500, 32_750)) if toll_free else 0,
        metered_rate=0 if capacity else rng.choice((3_000, 3_000, 4_250)),
    )


NETWORKS: tuple[Network, ...] = (
    Network("United Kingdom", "United Kingdom BT", "442079460", 3, "Local", 10_000, 3, 1, 1),
    Network("United Kingdom", "United Kingdom T-Mobile", "447700900", 3, "Local", 12_000, 3, 1, 1),
    Network("United States", "AT&T", "1415555", 4, "International", 4_800, 4, 6, 6),
    Network("United States", "Verizon, Wireless", "1212555", 4, "International", 5_250, 5, 6, 6),
    Network("Germany", "Deutsche Telekom", "4930231", 5, "Origin based", 8_500, 4, 1, 1),
    Network("Germany", "Telefónica O2", "49176040", 5, "Origin based", 14_200, 4, 60, 60),
    Network("France", "Orange", "331990", 5, "Origin based", 7_125, 6, 1, 1),
    Network("Israel", 'Partner "Orange"', "972541", 6, "International", 42_000, 3, 30, 6),
    Network("Mexico", "Telcel", "52155", 8, "International", 33_333, 6, 60, 60),
    Network("Côte d'Ivoire", "MTN", "22505", 8, "International", 312_000, 3, 60, 60),
    Network("Cuba", "Etecsa", "535", 7, "International", 789_400, 4, 60, 60),
    Network("Japan", "NTT ドコモ", "8190", 8, "International", 96_100, 4, 30, 6),
)
NETWORK_WEIGHTS: tuple[int, ...] = tuple(accumulate((30, 22, 14, 9, 8, 5, 4, 3, 2, 1, 1, 1)))

OUT_TRUNKS: tuple[str, ...] = ("Voice OUT Trunk", "Dialler, campaigns", "Contact Centre")

CALLER_RANGES: tuple[tuple[str, int], ...] = (
    ("4477009", 5),
    ("4420794", 5),
    ("1415555", 4),
    ("1212555", 4),
    ("4930231", 5),
    ("331990", 5),
    ("97254", 7),
    ("0044207946", 4),
    ("030231", 5),
)

ODD_CALLERS: tuple[str, ...] = ("anonymous", "", "4", "611", "000123", "Restricted", "anonymous")

NAMES: tuple[str, ...] = (
    "John Smith",
    "WIRELESS CALLER",
    "Smith, John",
    'Robert "Bob" O\'Brien',
    "NA",
    "None",
    "null",
    "nan",
    "José Muñoz Ibáñez",
    "Иван Петров",
    "山田太郎",
    "Ζωή Παπαδοπούλου",
    "محمد",
    "Müller & Söhne; Köln",
    "=SUM(A1)",
    "@HYPERLINK",
    "-",
    "007",
    "Łódź Taxi 🚕",
    "TOLL FREE CALL",
    "ACME Corp.",
    "Zoë ",
    '","',
    "Dupont",
)
