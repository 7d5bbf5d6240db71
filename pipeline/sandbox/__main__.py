"""``python -m pipeline.sandbox [vendor]``: run a local vendor until Ctrl-C."""

import argparse
import importlib
import signal
import sys
import threading
from datetime import timedelta
from typing import Any

from pipeline.sandbox.didww.versions import VERSIONS

_PER_DAY = "average records a day, of each resource"
_CALLBACK_SECONDS = 0.2


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGINT or SIGTERM; print the address once the server listens."""
    options = _parser().parse_args(arguments)
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    try:
        sandbox = options.vendor(
            seed=options.seed,
            rows_per_day=options.rows_per_day,
            pending=timedelta(seconds=options.seconds_pending),
            processing=timedelta(seconds=options.seconds_processing),
            api_key=options.api_key,
            foreign=options.foreign,
            host=options.host,
            port=options.port,
            **_of_didww(options),
        )
    except OSError as error:
        sys.stderr.write(
            f"sandbox: cannot listen on {options.host}:{options.port}: {error.strerror}; choose another --port.\n"
        )
        return 1
    with sandbox:
        sys.stdout.write(f"sandbox: {sandbox.url} ({sandbox.key_header}: {sandbox.api_key})\n")
        sys.stdout.flush()
        while not stopped.wait(_CALLBACK_SECONDS if options.callback_secret else None):
            sandbox.deliver_callbacks()
    return 0


def _of_didww(options: argparse.Namespace) -> dict[str, str]:
    """Return the options that DIDWW's sandbox alone has, where they are given."""
    given = {"callback_secret": options.callback_secret, "version": options.api_version}
    return {name: value for name, value in given.items() if value}


def _vendor(name: str) -> Any:
    """Return the class of the local vendor of that name."""
    try:
        return importlib.import_module(f"pipeline.sandbox.{name}").Sandbox
    except (AttributeError, ModuleNotFoundError) as error:
        raise argparse.ArgumentTypeError(f"there is no local vendor {name}") from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m pipeline.sandbox",
        description="A local server that answers like a vendor's exports API.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("vendor", nargs="?", type=_vendor, default="didww", help="its name, as in export/<vendor>.py")
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on")
    parser.add_argument("--port", type=int, default=8080, help="the port to listen on; 0 for a free one")
    parser.add_argument("--seed", type=int, default=7, help="the same seed makes the same records")
    parser.add_argument("--calls-per-day", "--rows-per-day", dest="rows_per_day", type=int, default=400, help=_PER_DAY)
    parser.add_argument("--seconds-pending", type=float, default=1.0, help="seconds that an export is pending")
    parser.add_argument("--seconds-processing", type=float, default=2.0, help="seconds that it is processing then")
    parser.add_argument("--foreign", type=int, default=24, help="exports of others in the list")
    parser.add_argument("--api-key", default="sandbox-key", help="the only key that is accepted")
    versions = [version.name for version in VERSIONS]
    parser.add_argument("--api-version", choices=versions, help="DIDWW only: version of the account")
    parser.add_argument("--callback-secret", default="", help="DIDWW only: secret of callbacks; none without it")
    return parser


if __name__ == "__main__":
    sys.exit(main())
