"""The WSGI application: control routes, the call log and the faults around it, then Secrets Manager or moto."""

from __future__ import annotations

import io
import json
import logging
import select
import socket
import traceback
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from moto.core.request import Request
from moto.moto_api._internal.models import moto_api_backend
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.secretsmanager.responses import SecretsManagerResponse

from tests.aws_server import enforcement, federation, operations
from tests.aws_server.answers import Answer, AwsError, error_answer, json_answer
from tests.aws_server.faults import LISTS, Fault, FaultBook, LoggedCall
from tests.aws_server.listing import FIRST_PAGE
from tests.aws_server.state import Settings, World

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

logger = logging.getLogger(__name__)
CONTROL = "/moto-api/mm/"
TARGET = "secretsmanager."
ERRORS = {
    "throttle": (AwsError("ThrottlingException", "Rate exceeded"), AwsError("Throttling", "Rate exceeded")),
    "deny": (
        AwsError("AccessDeniedException", "You are not authorized to perform this operation."),
        AwsError("AccessDenied", "You are not authorized to perform this operation.", 403),
    ),
    "expired": (
        AwsError("ExpiredTokenException", "The security token included in the request is expired"),
        AwsError("ExpiredToken", "The security token included in the request is expired", 403),
    ),
    "error500": (
        AwsError("InternalServiceError", "An error occurred on the server side.", 500),
        AwsError("InternalFailure", "An error occurred on the server side.", 500),
    ),
}
"""By kind of fault: the error of the JSON services, and of STS and IAM."""
WEB_PAGE = Answer(200, "text/html", b"<html><body>Please log in to the guest network.</body></html>")


class ConnectionCutError(ConnectionError):
    """The connection was cut on purpose; the WSGI server takes it for a client that went away."""


class Application:
    """The whole server behind one WSGI callable; one per process, because moto's own state is global."""

    def __init__(self) -> None:
        self.world = World()
        self.book = FaultBook()
        self.crashes: list[str] = []
        enforcement.install()
        federation.install()
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._reset()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        path = str(environ["PATH_INFO"])
        if path.startswith(CONTROL):
            answer = self._control(str(environ["REQUEST_METHOD"]), path.removeprefix(CONTROL), body)
        else:
            call = _describe(environ, body)
            answer = self._misbehave(environ, body, call)
            call.state, call.status = "answered", answer.status
        headers = [
            ("Content-Type", answer.content_type),
            ("Content-Length", str(len(answer.body))),
            ("x-amzn-RequestId", str(uuid.uuid4())),
            *answer.headers,
        ]
        start_response(f"{answer.status} {HTTPStatus(answer.status).phrase}", headers)
        return [answer.body]

    def _misbehave(self, environ: WSGIEnvironment, body: bytes, call: LoggedCall) -> Answer:
        fault, released = self.book.enter(call)
        if fault is None:
            return self._apply(environ, body)
        kind = fault.kind
        if kind in ERRORS:
            as_json, as_xml = ERRORS[kind]
            return error_answer(as_json) if "HTTP_X_AMZ_TARGET" in environ else error_answer(as_xml, xml=True)
        if kind == "html":
            return WEB_PAGE
        if kind == "empty_page":
            return json_answer({LISTS[call.operation]: [], "NextToken": _next_token(body)})
        if kind in ("hold", "close"):
            if kind == "hold":
                call.state = "held"
                released.wait()
            _cut(environ, call)
        if kind == "hang":
            call.state = "held"
            if released.wait(fault.seconds) or _is_gone(environ):
                _cut(environ, call)
            return self._apply(environ, body)
        answer = self._apply(environ, body)
        if kind == "lost":
            _cut(environ, call)
        if kind == "empty":
            return json_answer({})
        if kind == "truncated":
            return Answer(answer.status, answer.content_type, answer.body[: len(answer.body) // 2])
        return self._apply(environ, body)  # duplicate

    def _apply(self, environ: WSGIEnvironment, body: bytes) -> Answer:
        fresh = {**environ, "wsgi.input": io.BytesIO(body)}
        try:
            if environ.get("HTTP_X_AMZ_TARGET", "").startswith(TARGET):
                return self._secrets_manager(fresh)
            return _collect(self._moto, fresh)
        except Exception as error:  # an answer must be given; the next reset hands the crash to the test
            logger.exception("the server crashed on a request")
            # Not the error's own text, which could quote the request.
            frame = traceback.extract_tb(error.__traceback__)[-1]
            self.crashes.append(f"{type(error).__name__} in {frame.filename}:{frame.lineno}")
            return error_answer(AwsError("InternalServiceError", "The test server crashed.", 500))

    def _secrets_manager(self, environ: WSGIEnvironment) -> Answer:
        # moto's own class of this service parses the request: account, region, and what its signature is made of.
        response = SecretsManagerResponse()
        request = Request(environ)
        request.from_wsgi_server = True
        response.setup_class(request)
        operation = environ["HTTP_X_AMZ_TARGET"].removeprefix(TARGET)
        try:
            guard = enforcement.IamGuard(enforcement.identify(response)) if self.world.settings.enforce else None
            body = json.loads(response.raw_body or b"{}")
            content = operations.run(
                self.world, str(response.current_account), str(response.region), operation, body, guard
            )
        except AwsError as error:
            return error_answer(error)
        return json_answer(content)

    def _control(self, method: str, route: str, body: bytes) -> Answer:
        content: Any = json.loads(body or b"null")
        match method, route:
            case "POST", "faults":
                self.book.add(Fault(**rule) for rule in content)
            case "DELETE", "faults":
                self.book.clear()
            case "GET", "calls":
                return json_answer([asdict(call) for call in self.book.calls()])
            case "DELETE", "calls":
                self.book.clear_calls()
            case "POST", "settings":
                settings = Settings(**content)
                self.world.change(settings)
                enforcement.set_enforcement(settings.enforce)
            case "POST", "reset":
                crashes, self.crashes = self.crashes, []
                self._reset()
                return json_answer({"crashes": crashes})
            case _:
                return json_answer({"unknown": f"{method} {route}"}, HTTPStatus.NOT_FOUND)
        return json_answer({})

    def _reset(self) -> None:
        self.book.clear()
        self.book.clear_calls()
        self.world.clear()
        moto_api_backend.reset()
        enforcement.set_enforcement(False)
        enforcement.add_administrator()


def _describe(environ: WSGIEnvironment, body: bytes) -> LoggedCall:
    """Read service, operation and the names it is about from a request; never a value."""
    service, _, operation = str(environ.get("HTTP_X_AMZ_TARGET", "")).partition(".")
    if not operation:
        form = parse_qs(body.decode(errors="replace"))
        authorization = str(environ.get("HTTP_AUTHORIZATION", ""))
        service = next(iter(authorization.split("/")[3:4]), "")
        operation = form.get("Action", [str(environ["PATH_INFO"])])[0]
        return LoggedCall(service, operation, tuple(form.get("RoleArn", [])))
    try:
        content = json.loads(body or b"{}")
    except ValueError:
        content = {}
    names = [content.get("SecretId"), content.get("Name"), *content.get("SecretIdList", [])]
    names += [value for entry in content.get("Filters", []) for value in entry.get("Values", [])]
    return LoggedCall(service, operation, tuple(str(name) for name in names if name is not None))


def _next_token(body: bytes) -> str:
    content: Mapping[str, Any] = json.loads(body or b"{}")
    return str(content.get("NextToken") or FIRST_PAGE)


def _cut(environ: WSGIEnvironment, call: LoggedCall) -> None:
    # First: who sees the cut must find it in the log.
    call.state = "dropped"
    connection: socket.socket = environ["werkzeug.socket"]
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError as error:
        raise ConnectionCutError("the client had gone already") from error
    raise ConnectionCutError("cut by a fault rule")


def _is_gone(environ: WSGIEnvironment) -> bool:
    connection: socket.socket = environ["werkzeug.socket"]
    readable, _, _ = select.select([connection], [], [], 0)
    # A client that waits for its answer sends nothing; what can be read is its end of the connection.
    return bool(readable) and not connection.recv(1, socket.MSG_PEEK)


def _collect(application: Any, environ: WSGIEnvironment) -> Answer:
    """Run a WSGI application to its end."""
    started: list[tuple[str, list[tuple[str, str]]]] = []

    def start(status: str, headers: list[tuple[str, str]], _error: object = None) -> None:
        started.append((status, headers))

    chunks = application(environ, start)
    try:
        content = b"".join(chunks)
    finally:
        if hasattr(chunks, "close"):
            chunks.close()
    status, headers = started[-1]
    own = {"content-type", "content-length"}
    content_type = next((value for name, value in headers if name.lower() == "content-type"), "text/plain")
    rest = tuple((name, value) for name, value in headers if name.lower() not in own)
    return Answer(int(status.split()[0]), content_type, content, rest)
