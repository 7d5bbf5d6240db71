"""Hand an export from the tick that saw it to the run that loads it, so that the run reads no list again."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from pipeline.export.protocol import Export, Status

_TIMES = ("created_at", "start", "end")


def handed_over(dataset: str, export: Export) -> dict[str, Any]:
    """Return the run configuration of a load that carries the export, as JSON text.

    The UI shows it. So an address with a query is left out, which may be signed: the run then reads the list itself.
    """
    if "?" in (export.url or ""):
        return {}
    return {"ops": {f"{dataset}__file": {"config": {"export": _text(export)}}}}


def received(text: str) -> Export | None:
    """Return the export of a run configuration; None where it has none, or one of another release."""
    try:
        found: Mapping[str, Any] = json.loads(text)
        times = {name: datetime.fromisoformat(found[name]) if found[name] else None for name in _TIMES}
        return Export(**{**found, **times, "status": Status(found["status"])})
    except (ValueError, TypeError, LookupError):
        return None


def _text(export: Export) -> str:
    content = {name: value for name, value in asdict(export).items() if name != "companion"}
    times = {name: content[name].isoformat() if content[name] else None for name in _TIMES}
    return json.dumps({**content, **times, "status": export.status.value})
