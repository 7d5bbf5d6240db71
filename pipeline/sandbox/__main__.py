"""``python -m pipeline.sandbox``: a local vendor until Ctrl-C."""

import argparse
import signal
import sys
import threading
from datetime import timedelta

from pipeline.sandbox.sandbox import Sandbox


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGINT or SIGTERM; one line on stdout says where, once it is listening."""
    options = _parser().parse_args(arguments)
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    try:
        sandbox = Sandbox(
            seed=options.seed,
            calls_per_day=options.calls_per_day,
            pending=timedelta(seconds=options.seconds_pending),
            processing=timedelta(seconds=options.seconds_processing),
            api_key=options.api_key,
            foreign=options.foreign,
            host=options.host,
            port=options.port,
        )
    except OSError as error:
        sys.stderr.write(
            f"sandbox: cannot listen on {options.host}:{options.port}: {error.strerror}; choose another --port.\n"
        )
        return 1
    with sandbox:
        sys.stdout.write(f"sandbox: {sandbox.url} (Api-Key: {sandbox.api_key})\n")
        sys.stdout.flush()
        stopped.wait()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m pipeline.sandbox",
        description="A local server that answers like DIDWW's exports API 2026-04-16.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--host", default="127.0.0.1", help="where to listen")
    parser.add_argument("--port", type=int, default=8080, help="0 for any that is free")
    parser.add_argument("--seed", type=int, default=7, help="the same seed has the same records")
    parser.add_argument("--calls-per-day", type=int, default=400, help="on average, per record type")
    parser.add_argument("--seconds-pending", type=float, default=1.0, help="how long an export is pending")
    parser.add_argument("--seconds-processing", type=float, default=2.0, help="and then processing")
    parser.add_argument("--foreign", type=int, default=24, help="exports of other people in the list")
    parser.add_argument("--api-key", default="sandbox-key", help="the key that is let in")
    return parser


if __name__ == "__main__":
    sys.exit(main())
