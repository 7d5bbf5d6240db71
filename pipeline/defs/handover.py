"""Hand an export from the tick that saw it to the run that loads it, so that the run reads no list again."""

import json
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from pipeline.export.protocol import Export, Status

HOLDS = timedelta(minutes=5)
"""How long an export is taken as the tick saw it; later its run reads the vendor's list itself."""

_TIMES = ("created_at", "start", "end")


def handed_over(dataset: str, export: Export, at: datetime) -> dict[str, Any]:
    """Return the run configuration of a load, with the export as JSON text.

    The UI shows it. So an export whose URL may hold a secret is left out: the run then reads the list itself.

    Args:
        dataset: The dataset.
        export: The export.
        at: When the list was read, aware.
    """
    if set("?#@") & set(export.url or ""):
        return {}
    content = {name: value for name, value in asdict(export).items() if name != "companion"}
    times = {name: content[name].isoformat() if content[name] else None for name in _TIMES}
    text = json.dumps({**content, **times, "status": export.status.value, "seen_at": at.isoformat()})
    return {"ops": {f"{dataset}__file": {"config": {"export": text}}}}


def received(text: str, now: datetime) -> Export | None:
    """Return the export of a run configuration; None if it is old, missing, or of another release."""
    try:
        found: dict[str, Any] = json.loads(text)
        if abs(now - datetime.fromisoformat(found.pop("seen_at"))) > HOLDS:
            return None
        times = {name: datetime.fromisoformat(found[name]) if found[name] else None for name in _TIMES}
        return Export(**{**found, **times, "status": Status(found["status"])})
    except (ValueError, TypeError, LookupError, AttributeError):
        return None
