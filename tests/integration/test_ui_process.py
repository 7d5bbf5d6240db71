"""`cdr ui` as a supervisor sees it: it ends with 1 where a part of it ends, and leaves no process behind."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

SCHEDULES = (
    '{ schedulesOrError(repositorySelector: {repositoryName: "__repository__", repositoryLocationName: "pipeline"}) '
    "{ ... on Schedules { results { id name scheduleState { selectorId status } } } } }"
)


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


class Ui:
    """A `cdr ui` of its own, and the processes that it started."""

    def __init__(self, data: Path, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._environment = {
            **{name: value for name, value in os.environ.items() if name != "DAGSTER_HOME"},
            "CDR_DATA_DIR": str(data),
            "DIDWW_API_KEY": "k",
            "DIDWW_API_URL": "http://127.0.0.1:9/v3",
        }
        self._port = port

    def start(self) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [Path(sys.executable).with_name("cdr"), "ui", "--port", str(self._port)],
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stdout
        line = process.stdout.readline()
        assert "Dagster's UI is at" in line, line + (process.stderr.read() if process.stderr else "")
        return process

    def check(self) -> subprocess.CompletedProcess[str]:
        command = [str(Path(sys.executable).with_name("cdr")), "ui", "--check", "--port", str(self._port)]
        return subprocess.run(command, env=self._environment, capture_output=True, text=True, check=False)

    def ask(self, query: str) -> dict[str, object]:
        answer = requests.post(f"{self.url}/graphql", json={"query": query}, timeout=60)
        found: dict[str, object] = answer.json()["data"]
        return found


def descendants(pid: int) -> dict[int, str]:
    """The processes that a process started, and those that they started, with their command lines."""
    parents, lines = {}, {}
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdecimal():
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                lines[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except (FileNotFoundError, ProcessLookupError):
            continue
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return {one: lines[one] for one in found - {pid}}


def alive(pid: int) -> bool:
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_until_ended(pids: list[int]) -> list[int]:
    """Those that still live after a minute."""
    end = time.monotonic() + 60
    while time.monotonic() < end and any(map(alive, pids)):
        time.sleep(0.1)
    return [pid for pid in pids if alive(pid)]


@pytest.fixture
def ui(tmp_path: Path, port: int) -> Ui:
    return Ui(tmp_path / "data", port)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are found in /proc")
def test_a_ui_without_its_daemon_ends_with_1_and_a_sentence_and_can_be_started_again(ui: Ui) -> None:
    first = ui.start()
    try:
        _no_page_stops_a_schedule(ui)
        started = descendants(first.pid)
        daemon = next(pid for pid, line in started.items() if "dagster._daemon" in line)
        os.kill(daemon, signal.SIGKILL)
        _, error = first.communicate(timeout=120)
        assert first.returncode == 1
        assert "ended by itself" in error
        assert len(error.strip().splitlines()) == 1
        assert wait_until_ended(list(started)) == []
        assert ui.check().returncode == 1
        assert "No UI answers" in ui.check().stderr
    finally:
        first.kill()
    second = ui.start()
    started = descendants(second.pid)
    try:
        end = time.monotonic() + 120
        while (found := ui.check()).returncode and time.monotonic() < end:  # the daemons have to beat once
            time.sleep(0.5)
        assert found.returncode == 0, found.stderr
    finally:
        second.kill()  # as the kernel does where memory is short: nothing is left to hold the port
        second.communicate()
    assert wait_until_ended(list(started)) == []


def _no_page_stops_a_schedule(ui: Ui) -> None:
    """What the browser would send for a page of another site changes nothing."""
    found = json.loads(json.dumps(ui.ask(SCHEDULES)))["schedulesOrError"]["results"]
    running = next(one for one in found if one["scheduleState"]["status"] == "RUNNING")
    ids = running["scheduleState"]["selectorId"]
    mutation = f'mutation {{ stopRunningSchedule(id: "{running["id"]}") {{ __typename }} }}'
    params, form = {"query": mutation}, {"Content-Type": "application/x-www-form-urlencoded"}
    evil = {"Origin": "http://evil.example"}
    assert requests.get(f"{ui.url}/graphql", params=params, timeout=60).status_code == 405
    assert requests.post(f"{ui.url}/graphql", params=params, headers=form, timeout=60).status_code == 415
    assert requests.post(f"{ui.url}/graphql", json=params, headers=evil, timeout=60).status_code == 403
    rebound = {"Host": "evil.example"}
    assert requests.post(f"{ui.url}/graphql", json=params, headers=rebound, timeout=60).status_code == 403
    again = json.loads(json.dumps(ui.ask(SCHEDULES)))["schedulesOrError"]["results"]
    assert (
        next(one for one in again if one["scheduleState"]["selectorId"] == ids)["scheduleState"]["status"] == "RUNNING"
    )
    # the same by our own page is obeyed: what was refused above was a mutation that works
    assert requests.post(f"{ui.url}/graphql", json=params, timeout=60).json()["data"]["stopRunningSchedule"]
    last = json.loads(json.dumps(ui.ask(SCHEDULES)))["schedulesOrError"]["results"]
    assert (
        next(one for one in last if one["scheduleState"]["selectorId"] == ids)["scheduleState"]["status"] == "STOPPED"
    )
