"""Start Dagster's own webserver behind the guard; it takes the arguments of ``dagster-webserver``."""

from typing import Any

from dagster_webserver import cli

from pipeline import settings as environment
from pipeline.commands.guard import Guard

_BUILD = "create_app_from_workspace_process_context"
"""The function that builds the application. It is not public: if it moves, nothing starts."""


def main() -> None:
    """Serve until a signal ends the process."""
    hosts = environment.load().cdr_ui_hosts
    build = getattr(cli, _BUILD)

    def guarded(*args: Any, **kwargs: Any) -> Guard:
        return Guard(build(*args, **kwargs), hosts)

    setattr(cli, _BUILD, guarded)  # the webserver has no setting for it
    cli.main()  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    main()
