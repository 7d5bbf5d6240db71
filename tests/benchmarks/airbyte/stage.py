"""A local vendor and one contestant before it: run, killed, run again, and what the vendor saw of it."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pipeline.months import Month
from pipeline.sandbox.request import Request
from pipeline.sandbox.responses import Response, Wire
from tests.benchmarks.airbyte import cdk
from tests.benchmarks.airbyte.seen import Seen, counted
from tests.benchmarks.samples import ROOT
from tests.export.dialects import connectif, didww, packagex, rebilly

CASES = {**didww.CASES, **packagex.CASES, **rebilly.CASES, **connectif.CASES}
OURS, THEIRS = "this pipeline", "AsyncRetriever"
SECONDS = timedelta(seconds=1)
_KEY = "k-4711"
_PATIENCE_SECONDS = 300
_VERSIONS = {"didww-2021": "2021-12-15", "didww-2022": "2022-05-10", "didww-2026-04": "2026-04-16",
             "didww-2026-11": "2026-11-19"}  # fmt: skip
_BY_SECOND = "2026-04-16"
_BY_TOKEN = "2026-11-19"  # noqa: S105
_CURSORS = {"didww-2022": "Time Start (UTC)", "didww-2026-11": "Date/Time (UTC)"}


def finished(number: int) -> list[Month]:
    """The last so many months that are over."""
    running = Month.of(datetime.now(UTC))
    return [running.shift(-back) for back in range(number, 0, -1)]


class Stage:
    """One contestant and one vendor; ``run`` goes on from what the runs before left in ``folder``."""

    def __init__(
        self, contestant: str, dialect: str, months: Sequence[Month], sandbox: Any, folder: Path, **instead: str
    ) -> None:
        self.contestant, self.months, self.sandbox, self.folder = contestant, months, sandbox, folder
        self._dialect, self._dataset, self._instead = dialect, CASES[dialect].datasets[0], instead
        self._process: subprocess.Popen[str] | None = None
        self._rows = self._runs = 0
        self._failed = False

    def run(self) -> None:
        """One process, to its end."""
        self._runs += 1
        command, environment = self._ours() if self.contestant == OURS else (self._theirs(), {})
        self._process = subprocess.Popen(
            command,
            cwd=self.folder,
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            said, complaint = self._process.communicate(timeout=_PATIENCE_SECONDS)
        finally:
            self._process.kill()
        (self._read_ours if self.contestant == OURS else self._read_theirs)(said, complaint)

    def forget(self) -> None:
        """Lose everything that the runs before kept on this side."""
        shutil.rmtree(self.folder)
        self.folder.mkdir()

    @contextmanager
    def bent(self, bend: Callable[[Request, Response], Response]) -> Iterator[None]:
        """Let ``bend`` have the last word on every answer of the vendor."""
        server = self.sandbox._server
        plain = server.answer
        server.answer = lambda request: bend(request, plain(request))
        yield
        server.answer = plain

    def run_killed(self, when: Callable[[Request], bool]) -> None:
        """One process, killed while it waits for the answer to the first request of that kind; that is carried out."""

        def bend(request: Request, answer: Response) -> Response:
            if self._process and self._process.poll() is None and when(request):
                self._process.kill()
                answer.wire = Wire.NOTHING
            return answer

        with self.bent(bend):
            self.run()

    def whole(self) -> bool:
        """Whether every row has come."""
        return self._rows >= self._wanted()

    def seen(self) -> Seen:
        """All that happened so far."""
        made, wanted = len(self.sandbox.exports), self._wanted()
        requests = counted((request.method, request.path) for request in self.sandbox.requests)
        return Seen(
            **requests,
            exports=made,
            rows=self._rows,
            wanted=wanted,
            runs=self._runs,
            failed=self._failed,
            leaked=self._leaked(),
        )

    def _leaked(self) -> bool:
        key = CASES[self._dialect].key_header
        return any("/storage/" in request.path and key in request.headers for request in self.sandbox.requests)

    def _wanted(self) -> int:
        window = [self._dataset.window] if self._dataset.window else []
        resource, months = self._dataset.resource, self.months
        return sum(self.sandbox.truth(resource, month.start, month.end, *window).rows for month in months)

    def _ours(self) -> tuple[list[str], dict[str, str]]:
        vendor, dataset = self._dataset.vendor.upper(), self._dataset
        (self.folder / "exports.toml").write_text(_declared(dataset) if dataset.window else "", "utf-8")
        said = {
            f"{vendor}_API_URL": self.sandbox.url,
            f"{vendor}_API_KEY": _KEY,
            "DIDWW_API_VERSION": _VERSIONS.get(self._dialect, _BY_SECOND),
            "DIDWW_TOKEN_URL": self._token_url,
            "CDR_DATA_DIR": str(self.folder / "data"),
            "CDR_EXPORTS": str(self.folder / "exports.toml"),
            "CDR_RECORD_TYPES": "cdr_in" if dataset.window else dataset.name,
            "CDR_START_MONTH": str(self.months[0]),
            "CDR_POLL_SECONDS": "5",
            "PYTHONPATH": str(ROOT),
        }
        months = map(str, self.months)
        return [sys.executable, "-m", "tests.benchmarks.airbyte.ours", dataset.name, *months], said

    def _theirs(self) -> list[str]:
        version = _VERSIONS.get(self._dialect, "")
        config = {
            "url": self.sandbox.url,
            "key": _KEY,
            "token_url": self._token_url,
            "resource": self._dataset.resource,
            "version": version,
            "by_month": version < _BY_SECOND,
            "admission": "token" if version == _BY_TOKEN else "key",
            "cursor": _CURSORS.get(self._dialect, "Date/Time Start (UTC)"),
            "start": f"{self.months[0].start:%Y-%m-%dT%H:%M:%SZ}",
            "last": f"{self.months[-1].end - SECONDS:%Y-%m-%dT%H:%M:%SZ}",
        }
        return cdk.command(self.folder, self._dataset.vendor, config, instead=self._instead)

    @property
    def _token_url(self) -> str:
        return str(self.sandbox.url).removesuffix("/v3") + "/token"

    def _read_ours(self, said: str, complaint: str) -> None:
        lines = said.splitlines()
        if lines:
            result = json.loads(lines[-1])
            self._rows, self._failed = result["rows"], result["failed"]
        elif self._process and self._process.returncode > 0:
            raise RuntimeError(complaint[-2_000:])

    def _read_theirs(self, said: str, _: str) -> None:
        sync = cdk.read(said)
        self._rows += sync.rows
        self._failed = bool(self._process and self._process.returncode)
        if sync.state:
            (self.folder / "state.json").write_text(json.dumps([sync.state]), "utf-8")


@contextmanager
def staged(
    contestant: str,
    dialect: str,
    folder: Path,
    *,
    months: int = 2,
    instead: Mapping[str, str] | None = None,
    **options: Any,
) -> Iterator[Stage]:
    """A stage with a vendor of that dialect that takes two seconds and two more for an export, unless told."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    sandbox = options.pop("sandbox", CASES[dialect].sandbox)
    plain = {"pending": 2 * SECONDS, "processing": 2 * SECONDS, "foreign": 24, "rate_limit": None, "seed": 7}
    with sandbox(**{"api_key": _KEY, **plain, **options}) as vendor:
        yield Stage(contestant, dialect, finished(months), vendor, folder, **(instead or {}))


def _declared(dataset: Any) -> str:
    """The entry of exports.toml."""
    fields = ", ".join(f"{json.dumps(name)} = {json.dumps(kind)}" for name, kind in dataset.fields.items())
    said = {"vendor": dataset.vendor, "resource": dataset.resource, "window": dataset.window}
    lines = [f"{name} = {json.dumps(value)}" for name, value in said.items()]
    return "\n".join(["[[export]]", *lines, f"fields = {{ {fields} }}", ""])
