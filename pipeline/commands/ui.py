"""Run Dagster's webserver and daemon as one child process, over one data directory."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType

import requests
from dagster import DagsterInstance
from filelock import FileLock, Timeout

from pipeline.defs.home import prepare_home
from pipeline.defs.runs import end_the_dead
from pipeline.errors import PermanentError, TransientError
from pipeline.settings import Settings

_ALIVE = "{ instance { daemonHealth { allDaemonStatuses { daemonType required healthy } } } }"
_START_SECONDS = 90
_STOP_SECONDS = 20


class Dagster:
    """`dagster dev` with the given settings; a context manager that ends every process it started."""

    def __init__(self, settings: Settings, port: int) -> None:
        self._settings = settings
        self._port = port
        self.url = f"http://127.0.0.1:{port}"
        self._http = _direct()

    def __enter__(self) -> "Dagster":
        home = prepare_home(self._settings)
        self._lock = FileLock(home / ".ui.lock", timeout=0)
        try:
            self._lock.acquire()
        except Timeout:
            raise PermanentError(f"A UI already runs over {home}; use that one, or end it first.") from None
        try:
            self._check_port()
            with DagsterInstance.get() as instance:
                end_the_dead(instance, self._settings.cdr_data_dir / ".locks", ui_ended=True)
            self._start(home)
        except BaseException:
            self._lock.release()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stop()
        if self._process.stdin:
            self._process.stdin.close()
        self._log.close()
        self._lock.release()

    def wait_until_it_answers(self) -> None:
        """Return when the UI answers, the code location is loaded, and the guard is in place."""
        end = time.monotonic() + _START_SECONDS
        query = {"query": "{ repositoriesOrError { ... on RepositoryConnection { nodes { name } } } }"}
        while time.monotonic() < end and self._process.poll() is None:
            try:
                answer = self._http.post(f"{self.url}/graphql", json=query, timeout=5).json()
                if answer["data"]["repositoriesOrError"].get("nodes"):
                    return self._check_guard()
            except (requests.RequestException, KeyError, TypeError):
                pass
            time.sleep(0.5)
        raise PermanentError(f"Dagster's UI did not start on port {self._port}; see {self._log.name}.")

    def wait(self) -> None:
        """Wait for Ctrl-C; raises ``TransientError`` if the webserver or the daemon ends before."""
        try:
            self._process.wait()
        except KeyboardInterrupt:
            return
        raise TransientError(f"Dagster's webserver or daemon ended by itself; start it again, or see {self._log.name}.")

    def _check_guard(self) -> None:
        """Raise ``PermanentError`` unless a request of another site is refused."""
        answer = self._http.get(f"{self.url}/server_info", headers={"Host": "guard.invalid"}, timeout=5)
        if answer.status_code != requests.codes.forbidden:
            raise PermanentError(
                "Dagster's webserver was started without its guard, so it was ended; install the versions that "
                "constraints.txt names."
            )

    def _check_port(self) -> None:
        with socket.socket() as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                trial.bind(("127.0.0.1", self._port))
            except OSError as error:
                raise PermanentError(f"Port {self._port} is taken; choose another with --port.") from error

    def _start(self, home: Path) -> None:
        self._log = (home / "dagster.log").open("ab")
        command = [
            sys.executable,
            "-m",
            "pipeline.commands.dagster_dev",
            "-h",
            "127.0.0.1",
            "-p",
            str(self._port),
            "--log-level",
            "warning",
        ]
        self._process = subprocess.Popen(
            [*command, "-w", str(home / "workspace.yaml")],
            env={**os.environ, **self._settings.environment(), "DAGSTER_HOME": str(home)},
            stdin=subprocess.PIPE,  # it closes when this process ends in any way, and the child then ends too
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # so that one signal ends all of its processes
        )

    def _stop(self) -> None:
        for ending in (signal.SIGINT, signal.SIGKILL):
            if self._process.poll() is None or ending is signal.SIGKILL:
                _signal_group(self._process.pid, ending)
            try:
                self._process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                continue


def check_alive(port: int) -> None:
    """Return if a UI answers on this port and its daemons are alive; raises ``TransientError`` otherwise."""
    url = f"http://127.0.0.1:{port}/graphql"
    try:
        with _direct() as http:
            answer = http.post(url, json={"query": _ALIVE}, timeout=10).json()
        daemons = answer["data"]["instance"]["daemonHealth"]["allDaemonStatuses"]
    except (requests.RequestException, KeyError, TypeError) as error:
        raise TransientError(f"No UI answers on port {port} ({type(error).__name__}); start `cdr ui`.") from error
    if dead := [one["daemonType"].lower() for one in daemons if one["required"] and not one["healthy"]]:
        raise TransientError(f"The UI answers, but its daemons {', '.join(dead)} do not; restart `cdr ui`.")


def _direct() -> requests.Session:
    """Return a session without proxies, for requests to this machine."""
    session = requests.Session()
    session.trust_env = False
    return session


def _signal_group(pid: int, ending: signal.Signals) -> None:
    try:
        os.killpg(pid, ending)
    except ProcessLookupError:
        return
