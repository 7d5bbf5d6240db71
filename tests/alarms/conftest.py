from collections.abc import Iterator

import pytest

from tests.alarms.sinks import Hook, MailServer, served


@pytest.fixture
def hook() -> Iterator[Hook]:
    with Hook() as made, served(made):
        yield made


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    with MailServer() as made, served(made):
        yield made
