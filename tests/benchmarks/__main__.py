"""``python -m tests.benchmarks``: measure scenes, keep what they say in build/bench, show it as tables.

Every scene runs whole processes; what it measured replaces what was known of it at that size. Two words may stand for a
scene: ``docs`` writes everything known into docs/performance.md and docs/speed.png, ``all`` measures every
scene at the sizes that are shown there, and then does that.
"""

import argparse
import sys

from tests.benchmarks.results import load, save
from tests.benchmarks.scenes import ALL, MILLION, QUICK, SCENES, SIZED


def main() -> None:
    """Measure, and print the tables of what was measured."""
    options = _parser().parse_args()
    wanted = options.scenes or [scene.__name__ for scene in QUICK]
    if unknown := set(wanted) - {*SCENES, "all", "docs"}:
        sys.exit(f"There is no scene {', '.join(sorted(unknown))}; there are {', '.join(SCENES)}, all and docs.")
    some = [(SCENES[name], options.rows, options.rounds) for name in wanted if name in SCENES]
    plan = ALL if "all" in wanted else some
    for scene, rows, most in plan:
        size, rounds = rows if scene in SIZED else 0, min(options.rounds, most)
        sys.stderr.write(f"{scene.__name__} {size or ''}\n")
        save(scene.__name__, size, rounds, scene(rows, rounds))
    from tests.benchmarks import report  # last, because whoever starts a contestant must be small

    if "docs" in wanted or "all" in wanted:
        report.write(load())
    shown = report.tables(load())
    names = dict.fromkeys(scene.__name__ for scene, _, _ in plan)
    sys.stdout.write("\n".join([report.machines(load()), *(shown[name] for name in names)]) + "\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--rows", type=int, default=MILLION, help="records in the file, or in each of several")
    parser.add_argument(
        "--rounds", type=int, default=5, help="how often everything is run; `all` needs no more than three"
    )
    quick = " ".join(scene.__name__ for scene in QUICK)
    known = [*SCENES, "all", "docs"]
    parser.add_argument("scenes", nargs="*", help=f"{', '.join(known)}; default: {quick}")
    return parser


if __name__ == "__main__":
    main()
