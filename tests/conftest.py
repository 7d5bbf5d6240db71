"""What every test shares: patience, since how fast a machine is says nothing about whether the code is right."""

import pytest
from hypothesis import HealthCheck, settings

# hypothesis begins, where CI is set, with the same examples each time: what chance finds is found at the desk
settings.register_profile("patient", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


@pytest.hookimpl(trylast=True)  # after they were shuffled
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with those that are given the most time, so that nobody waits for one of them at the end."""
    items.sort(key=_given, reverse=True)


def _given(item: pytest.Item) -> float:
    """The seconds that a test is given beyond what all are."""
    mark = item.get_closest_marker("timeout")
    return float(mark.args[0]) if mark else 0.0
