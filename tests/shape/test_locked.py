"""Versions come from one source: constraints.txt pins what pyproject.toml wants, as `make lock` writes it."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
WANTED = sorted(
    {*PROJECT["dependencies"], *(one for extra in PROJECT["optional-dependencies"].values() for one in extra)}
)
PINNED = {
    canonicalize_name(one.name): one
    for one in map(Requirement, (ROOT / "constraints.txt").read_text("utf-8").splitlines())
}


@pytest.mark.parametrize("wanted", [Requirement(one) for one in WANTED], ids=str)
def test_every_requirement_is_pinned_to_a_version_that_it_accepts(wanted: Requirement) -> None:
    [pin] = PINNED[canonicalize_name(wanted.name)].specifier
    assert pin.operator == "=="
    assert wanted.specifier.contains(Version(pin.version), prereleases=True)


def test_the_constraints_name_no_address_of_an_index() -> None:
    assert not re.search(r"https?://|file:|--", (ROOT / "constraints.txt").read_text("utf-8"))
