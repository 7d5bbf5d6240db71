"""JSON:API documents, and DIDWW's errors in them, whose members are all text."""

from collections.abc import Iterable

from pipeline.sandbox.responses import RefusalError, Response, document

MEDIA_TYPE = "application/vnd.api+json"


def resources(status: int, content: object) -> Response:
    """Return a JSON:API document."""
    return document(status, content, MEDIA_TYPE)


def problem(status: int, title: str, detail: str, code: str) -> RefusalError:
    """Return an error that points at no part of the request's body.

    Args:
        status: The HTTP status.
        title: What kind of error it is.
        detail: What is wrong.
        code: DIDWW's number of the error.
    """
    error = {"title": title, "detail": detail, "code": code, "status": str(status)}
    return RefusalError(resources(status, {"errors": [error]}))


def invalid(complaints: Iterable[tuple[str, str]]) -> RefusalError:
    """Return a 422 for (attribute, message) pairs; an error in a filter points at ``filters``."""
    errors = [
        {
            "title": message,
            "detail": f"{attribute} - {message}",
            "code": "100",
            "source": {"pointer": f"/data/attributes/{attribute}"},
            "status": "422",
        }
        for attribute, message in complaints
    ]
    return RefusalError(resources(422, {"errors": errors}))


def unauthorized() -> RefusalError:
    """Return the refusal of a missing or wrong key."""
    return problem(401, "Unauthorized", "Authorization failed", "401")


def not_found(identifier: str) -> RefusalError:
    """Return the refusal for a record that does not exist."""
    detail = f"The record identified by {identifier} could not be found."
    return problem(404, "Record not found", detail, "404")


def not_allowed(name: str, what: str = "Param", code: str = "105") -> RefusalError:
    """Return the refusal of an unknown member, parameter or filter.

    Args:
        name: The member, parameter or filter.
        what: Which of these it is.
        code: DIDWW's number of the error.
    """
    return problem(400, f"{what} not allowed", f"{name} is not allowed.", code)


def missing(name: str) -> RefusalError:
    """Return the refusal of a body that lacks a member."""
    return problem(400, "Missing Parameter", f"The required parameter, {name}, is missing.", "106")


def too_many_requests() -> Response:
    """Return a 429, which has neither title nor code."""
    return resources(429, {"errors": [{"status": "429", "detail": "Too Many Requests"}]})
