"""What listens on loopback for alarms: a webhook and a mail server, as simple as they can be and real."""

import json
import socketserver
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


class Hook(ThreadingHTTPServer):
    """Keeps what is POSTed; answers with ``answers`` in turn, then with 200."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Posted)
        self.got: list[dict[str, Any]] = []
        self.answers: list[int] = []
        self.tries = 0
        self.url = f"http://127.0.0.1:{self.server_address[1]}/services/T0-secret-token?key=q-secret"


class _Posted(BaseHTTPRequestHandler):
    server: Hook

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.tries += 1
        status = self.server.answers.pop(0) if self.server.answers else 200
        if status == 200:
            self.server.got.append(json.loads(body))
        self.send_response(status)
        self.send_header("Location", "http://127.0.0.1:1/")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        return


class MailServer(socketserver.ThreadingTCPServer):
    """Speaks enough SMTP to take a mail; with ``tls`` it offers STARTTLS and, after it, AUTH."""

    daemon_threads = True

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Conversation)
        self.tls = tls
        self.mails: list[EmailMessage] = []
        self.said: list[str] = []
        self.refusals: dict[str, str] = {}
        self.port = self.server_address[1]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that trusts no certificate, or leaves, is a part of the tests."""


class _Conversation(socketserver.StreamRequestHandler):
    server: MailServer

    def handle(self) -> None:
        self.encrypted = False
        self.say("220 sink")
        while line := self.rfile.readline().decode().strip():
            self.server.said.append(line)
            verb = line.split()[0].upper()
            refusal = next((text for start, text in self.server.refusals.items() if line.startswith(start)), None)
            if refusal:
                self.say(refusal)
            elif verb == "EHLO":
                self.greet()
            elif verb == "STARTTLS":
                self.encrypt()
            elif verb == "DATA":
                self.take()
            elif verb == "QUIT":
                self.say("221 bye")
                return
            else:
                self.say("235 in" if verb == "AUTH" else "250 ok")

    def greet(self) -> None:
        offers = ["AUTH PLAIN"] if self.encrypted else ["STARTTLS"] if self.server.tls else []
        for offer in ["sink", *offers]:
            self.say(f"250-{offer}")
        self.say("250 SIZE 1000000")

    def encrypt(self) -> None:
        assert self.server.tls
        self.say("220 go on")
        self.finish()
        self.request = self.server.tls.wrap_socket(self.request, server_side=True)
        self.encrypted = True
        self.setup()

    def finish(self) -> None:
        super().finish()
        if self.encrypted:
            self.request.close()

    def take(self) -> None:
        self.say("354 go on")
        lines = []
        while (line := self.rfile.readline()) != b".\r\n":
            lines.append(line)
        self.server.mails.append(message_from_bytes(b"".join(lines), policy=policy.default))
        self.say("250 taken")

    def say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())


@contextmanager
def served(server: socketserver.BaseServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def certificate(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """A certificate of 127.0.0.1, made for this test, and a server's context that shows it."""
    key, cert = folder / "key.pem", folder / "cert.pem"
    names = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    command = ["openssl", "req", "-x509", *curve, *names, "-keyout", str(key), "-out", str(cert)]
    subprocess.run(command, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return cert, context
