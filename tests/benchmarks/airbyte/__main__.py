"""``python -m tests.benchmarks.airbyte [SCENE…]``: the scenarios of docs/dialects.md, and their tables in it.

Both contestants ask the local vendors on this machine, and look every five seconds, which is how often
``AsyncRetriever`` does. What is kept is build/bench/airbyte.json; figures are counts, so a busy machine changes none.
"""

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.benchmarks.airbyte import cdk, page
from tests.benchmarks.airbyte.scenes import SCENES
from tests.benchmarks.samples import BUILD

_FILE = BUILD / "airbyte.json"
_AT_ONCE = 3


def main(wanted: list[str]) -> None:
    """Play the scenes, or all of them, and write the page."""
    cdk.install()
    found: dict[str, Any] = json.loads(_FILE.read_text("utf-8")) if _FILE.exists() else {}
    with TemporaryDirectory() as scratch, ThreadPoolExecutor(_AT_ONCE) as pool:
        waiting = {
            (name, act.label, contestant): pool.submit(
                act.play, contestant, Path(scratch) / f"{name}-{at}-{contestant}"
            )
            for name in wanted or SCENES
            for at, act in enumerate(SCENES[name])
            for contestant in act.contestants
        }
        played = {place: future.result().plain() for place, future in waiting.items()}
    for name in wanted or SCENES:
        found[name] = [[label, who, seen] for (scene, label, who), seen in played.items() if scene == name]
    _FILE.write_text(json.dumps(found, indent=1), "utf-8")
    page.write(found)
    sys.stdout.write("\n\n".join(page.table(found[name]) for name in wanted or SCENES) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
