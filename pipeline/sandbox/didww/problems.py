"""JSON:API documents, and the errors that DIDWW writes in them; every member of an error is text."""

from collections.abc import Iterable

from pipeline.sandbox.responses import RefusalError, Response, document

MEDIA_TYPE = "application/vnd.api+json"


def resources(status: int, content: object) -> Response:
    """A document of JSON:API."""
    return document(status, content, MEDIA_TYPE)


def problem(status: int, title: str, detail: str, code: str) -> RefusalError:
    """An error that points at nothing in the request's body."""
    error = {"title": title, "detail": detail, "code": code, "status": str(status)}
    return RefusalError(resources(status, {"errors": [error]}))


def invalid(complaints: Iterable[tuple[str, str]]) -> RefusalError:
    """422 for (attribute, message) pairs: ``filters`` is pointed at as a whole, whatever key is wrong."""
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
    """No key, or a wrong one."""
    return problem(401, "Unauthorized", "Authorization failed", "401")


def not_found(identifier: str) -> RefusalError:
    """No such record, or not any more."""
    detail = f"The record identified by {identifier} could not be found."
    return problem(404, "Record not found", detail, "404")


def not_allowed(name: str, what: str = "Param", code: str = "105") -> RefusalError:
    """A member, parameter or filter that the API does not take."""
    return problem(400, f"{what} not allowed", f"{name} is not allowed.", code)


def missing(name: str) -> RefusalError:
    """A member that must be there."""
    return problem(400, "Missing Parameter", f"The required parameter, {name}, is missing.", "106")


def too_many_requests() -> Response:
    """The rate limit's own shape: neither title nor code."""
    return resources(429, {"errors": [{"status": "429", "detail": "Too Many Requests"}]})
