"""Airbyte's own runner of declarative sources, in an environment of its own: it is no dependency of ours."""

import json
import subprocess
import sys
import venv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.benchmarks.samples import BUILD

VERSION = "7.39.1"
_HOME = BUILD / f"airbyte-cdk-{VERSION}"
_RUNNER = _HOME / "bin" / "source-declarative-manifest"
_MANIFESTS = Path(__file__).parent / "manifests"
_STREAM = {
    "stream": {"name": "records", "json_schema": {}, "supported_sync_modes": ["full_refresh", "incremental"]},
    "sync_mode": "incremental",
    "destination_sync_mode": "append",
}
Message = Mapping[str, Any]


def install() -> None:
    """Make the environment, unless it is there."""
    if not _RUNNER.exists():
        venv.create(_HOME, with_pip=True)
        pip = [str(_HOME / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, f"airbyte-cdk=={VERSION}"], check=True, stdout=sys.stderr)


@dataclass(frozen=True)
class Sync:
    """What one sync gave: how many records, and the state to go on from."""

    rows: int
    state: Message | None


def command(folder: Path, vendor: str, config: Mapping[str, object], *, instead: Mapping[str, str]) -> list[str]:
    """The command of a sync that goes on from the state in the folder; ``instead`` changes words of the manifest."""
    text = (_MANIFESTS / f"{vendor}.yaml").read_text("utf-8")
    for word, other in instead.items():
        text = text.replace(word, other)
    (folder / "manifest.yaml").write_text(text, "utf-8")
    state = folder / "state.json"
    said = {"--config": ("config.json", config), "--catalog": ("catalog.json", {"streams": [_STREAM]})}
    for name, content in said.values():
        (folder / name).write_text(json.dumps(content), "utf-8")
    options = {option: str(folder / name) for option, (name, _) in said.items()}
    options |= {"--manifest-path": str(folder / "manifest.yaml"), **({"--state": str(state)} if state.exists() else {})}
    return [str(_RUNNER), "read", *(part for option in options.items() for part in option)]


def read(output: str) -> Sync:
    """What a sync said, whether it came to its end or not."""
    rows, state = 0, None
    for message in _messages(output):
        match message["type"]:
            case "RECORD":
                rows += 1
            case "STATE":
                state = message["state"]
    return Sync(rows, state)


def _messages(output: str) -> Iterator[Message]:
    for line in output.splitlines():
        try:
            yield json.loads(line)
        except ValueError:  # the line at which it was killed
            continue
