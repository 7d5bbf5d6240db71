"""The seven scenarios, each played by both on a fresh vendor."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from pipeline.sandbox import Fault
from pipeline.sandbox.account import Stage as Life
from pipeline.sandbox.rebilly import Sandbox as Rebilly
from pipeline.sandbox.request import Request
from pipeline.sandbox.responses import Response
from tests.benchmarks.airbyte.seen import Seen
from tests.benchmarks.airbyte.stage import OURS, SECONDS, THEIRS, Stage, staged

Plot = Callable[[Stage], None]


class Newer(Rebilly):
    """A Rebilly that has a word for being processed that nobody knows."""

    words = {**Rebilly.words, Life.PROCESSING: "archiving"}  # noqa: RUF012 - the vendor's


@dataclass(frozen=True)
class Act:
    """One dialect in one scenario; ``options`` are of the stage and of its vendor."""

    label: str
    dialect: str
    plot: Plot
    options: Mapping[str, Any] = field(default_factory=dict)
    contestants: tuple[str, ...] = (OURS, THEIRS)

    def play(self, contestant: str, folder: Path) -> Seen:
        """What the vendor saw of one contestant."""
        with staged(contestant, self.dialect, folder, **self.options) as stage:
            self.plot(stage)
            return stage.seen()


def once(stage: Stage) -> None:
    """Nothing goes wrong."""
    stage.run()


def killed_asking(stage: Stage) -> None:
    """The first POST is carried out, its sender is killed, and started again."""
    stage.run_killed(lambda request: request.method == "POST" and not request.path.endswith("/token"))
    stage.run()


def killed_waiting(stage: Stage, *, lost: bool = False) -> None:
    """All exports are under way, their owner is killed, and started again; where ``lost``, with an empty disk."""
    made = len(stage.months)
    stage.run_killed(lambda request: request.method == "GET" and len(stage.sandbox.exports) == made)
    if lost:
        stage.forget()
    stage.run()


def faulty(stage: Stage, *, kind: Fault, times: int | None = 1, **more: Any) -> None:
    """Something goes wrong so many times."""
    stage.sandbox.faults.inject(kind, times=times, **more)
    stage.run()


def run_out(stage: Stage) -> None:
    """The first address of a file that is fetched has run out, and stays so; a sync that fails is started again."""
    dead: list[str] = []

    def bend(request: Request, answer: Response) -> Response:
        if "/storage/" not in request.path:
            return answer
        if not dead:
            dead.append(request.target)
        return Response(403) if request.target in dead else answer

    with stage.bent(bend):
        stage.run()
        if not stage.whole():
            stage.run()


_LONG = {"pending": 10 * SECONDS, "processing": 10 * SECONDS}
_ALL = ("didww-2021", "didww-2022", "didww-2026-04", "didww-2026-11", "packagex", "rebilly", "connectif")
_KINDS = ("didww-2021", "didww-2026-04", "packagex", "rebilly", "connectif")
_PLAIN = '{type: CsvDecoder, encoding: utf-8, delimiter: ","}'
_AS_ZIP = {_PLAIN: f"{{type: ZipfileDecoder, decoder: {_PLAIN}}}"}
_SIGNED = "'signedLink') | first)['href'] }}\""
_LASTING = {
    _SIGNED: _SIGNED.replace("signedLink", "download") + '\n        authenticator: {$ref: "#/definitions/admission"}'
}
_QUEUE = {"months": 7, "pending": 30 * SECONDS}

SCENES: Mapping[str, tuple[Act, ...]] = {
    "happy": (
        *(Act(name, name, once) for name in _ALL),
        Act("rebilly, 24 months", "rebilly", once, {"months": 24, **_LONG}),
        Act("rebilly, months that come as ZIP", "rebilly", once, {"rows_per_day": 30}),
        Act(
            "the same, ZIP named in the manifest", "rebilly", once, {"rows_per_day": 30, "instead": _AS_ZIP}, (THEIRS,)
        ),
    ),
    "asking": (
        *(Act(name, name, killed_asking) for name in _KINDS),
        Act("rebilly, answer lost", "rebilly", partial(faulty, kind=Fault.UNANSWERED, on="create")),
    ),
    "waiting": tuple(Act(name, name, killed_waiting, _LONG) for name in _KINDS),
    "adopting": tuple(Act(name, name, partial(killed_waiting, lost=True), _LONG) for name in _KINDS),
    "busy": (
        Act("connectif, the 400 named in the manifest", "connectif", once, _QUEUE),
        Act("connectif, as it comes", "connectif", once, {**_QUEUE, "instead": {"E0301": "-"}}, (THEIRS,)),
    ),
    "address": (
        *(Act(name, name, run_out) for name in ("packagex", "connectif")),
        Act("rebilly, by its link that lasts and redirects", "rebilly", once, {"instead": _LASTING}),
    ),
    "status": (
        Act(
            "an unknown status, for 6 s",
            "rebilly",
            once,
            {"sandbox": partial(Newer, rows_per_day=3), "processing": 6 * SECONDS},
        ),
        Act("one export failed", "rebilly", partial(faulty, kind=Fault.FAILED)),
        Act("every export fails", "rebilly", partial(faulty, kind=Fault.FAILED, times=None)),
    ),
}
