"""Start and stop a local vendor: a server on a thread, a folder for its files, faults on demand."""

import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

from pipeline.sandbox.faults import Faults
from pipeline.sandbox.request import Request
from pipeline.sandbox.responses import Response
from pipeline.sandbox.server import RecordedRequest, SandboxServer

# How soon closing is noticed; tests wait for it each time.
_POLL_SECONDS = 0.02


class Running:
    """A local vendor on its own thread; as a context manager it removes everything at the end."""

    path: ClassVar[str] = ""
    """The path of the API, as in the setting of its address."""

    key_header: ClassVar[str]
    """The header that carries the key."""

    def __init__(self, api_key: str) -> None:
        self.api_key = api_key
        self.faults = Faults()
        self._folder = tempfile.TemporaryDirectory(prefix="sandbox-")

    @property
    def folder(self) -> Path:
        """Where its files lie until it stops."""
        return Path(self._folder.name)

    @property
    def url(self) -> str:
        """The API's base, like ``http://127.0.0.1:12345/v1``."""
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}{self.path}"

    @property
    def requests(self) -> list[RecordedRequest]:
        """Every request so far, oldest first."""
        return list(self._server.recorded)

    def start(self) -> Self:
        """Start to answer requests."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Close the port and the connections, and remove the files."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()
        self._folder.cleanup()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _listen(self, host: str, port: int, answer: Callable[[Request], Response]) -> None:
        """Open the port, where requests wait for ``start``."""
        try:
            self._server = SandboxServer((host, port), answer)
        except OSError:
            self._folder.cleanup()
            raise
        self._thread = threading.Thread(target=self._server.serve_forever, args=(_POLL_SECONDS,), daemon=True)
