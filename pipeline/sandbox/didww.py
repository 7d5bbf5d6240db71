"""The local DIDWW, started like the other local vendors."""

from typing import Any

from pipeline.sandbox import sandbox


class Sandbox(sandbox.Sandbox):
    """``rows_per_day`` are calls; everything else is as it is there."""

    def __init__(self, *, rows_per_day: int = 400, **options: Any) -> None:
        super().__init__(calls_per_day=rows_per_day, **options)
