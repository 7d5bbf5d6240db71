"""`cdr listen`: receive the vendor's callbacks, so that its list is read earlier."""

from datetime import UTC, datetime

import click

from pipeline import settings as environment
from pipeline.addresses import shown
from pipeline.commands.command_line import end_on_signals, one_sentence
from pipeline.errors import PermanentError
from pipeline.wake_signal import WakeSignal


@click.command()
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8090,
    show_default=True,
    help="Port to listen on; 0 takes any that is free.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@one_sentence
def listen(port: int, host: str) -> None:
    """Receive the vendor's callbacks: each one makes the sensor read its list earlier. Ctrl-C ends it."""
    from pipeline.commands.callbacks import Callbacks, Listener

    end_on_signals()
    settings = environment.load()
    url, secret = settings.didww_callback_url, settings.didww_callback_secret
    if not url or not secret:
        raise PermanentError("Callbacks cannot be checked; set DIDWW_CALLBACK_URL and DIDWW_CALLBACK_SECRET.")
    listener = Listener(Callbacks(url, secret, WakeSignal.of(settings.cdr_data_dir), _say), host, port)
    click.echo(f"Callbacks to {shown(url)} are received at {listener.url} (Ctrl-C ends it)")
    listener.run()


def _say(what: str) -> None:
    click.echo(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}  {what}")
