"""Start ``dagster dev`` with the guarded webserver, until the process that started it has ended."""

import os
import signal
import sys
import threading
from typing import Any

from dagster._cli import dev

_WEBSERVER = "pipeline.commands.webserver"
_START = "open_ipc_subprocess"
"""The function with which ``dagster dev`` starts its children. It is not public: if it moves, nothing starts."""


def main() -> None:
    """Run ``dagster dev`` with this process's arguments."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have us ignore it
    threading.Thread(target=_end_with_parent, daemon=True).start()
    start = getattr(dev, _START)

    def guarded(parts: list[str], **kwargs: Any) -> Any:
        return start([_WEBSERVER if part == "dagster_webserver" else part for part in parts], **kwargs)

    setattr(dev, _START, guarded)
    dev.dev_command(sys.argv[1:])


def _end_with_parent() -> None:
    """Interrupt this process when its standard input ends, so that a killed parent leaves no webserver."""
    while os.read(sys.stdin.fileno(), 1):
        pass
    os.kill(os.getpid(), signal.SIGINT)


if __name__ == "__main__":
    main()
