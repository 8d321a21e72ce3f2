"""Every test runs apart from the developer's settings, identity and network, and with secrets made for it alone."""

from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.canary import Canary

settings.register_profile("ci", derandomize=True, deadline=None, database=None, print_blob=False)
settings.register_profile("desk", deadline=None)
settings.load_profile("ci" if os.environ.get("CI") else "desk")

CLEARED_PREFIXES = ("AWS_", "MM_", "XDG_", "TEXTUAL")
CLEARED = (
    *("BOTO_CONFIG", "SECRETS_BACKEND", "EXCHANGE_ENV", "NO_COLOR", "FORCE_COLOR"),
    *("CI", "GITHUB_ACTIONS", "GITLAB_CI", "JENKINS_URL", "BUILDKITE", "TF_BUILD"),
)


@pytest.fixture(autouse=True)
def clean_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Take away every variable that steers the product or its SDK; home and XDG directories lie in ``tmp_path``."""
    for name in list(os.environ):
        if name in CLEARED or name.startswith(CLEARED_PREFIXES):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    for kind in ("CONFIG_HOME", "DATA_HOME", "STATE_HOME", "CACHE_HOME", "RUNTIME_DIR"):
        monkeypatch.setenv(f"XDG_{kind}", str(tmp_path / f"xdg-{kind.split('_')[0].lower()}"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def is_local_host(host: object) -> bool:
    """Say whether a host, as the socket functions take it, is this machine's loopback."""
    name = host.decode("ascii", errors="replace") if isinstance(host, bytes) else host
    if name is None or name in ("", "localhost"):
        return True
    try:
        return ipaddress.ip_address(str(name)).is_loopback
    except ValueError:
        return False


@pytest.fixture(autouse=True)
def loopback_only(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Refuse every look-up and connection that leaves this machine; give the refused ones, and fail the test over them.

    Failing at the end, because code under test may rightly turn the refusal into "unreachable" and go on.
    """
    refused: list[str] = []
    connect, connect_ex, getaddrinfo = socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo

    def leaves(sock: socket.socket, address: object) -> bool:
        if sock.family not in (socket.AF_INET, socket.AF_INET6) or not isinstance(address, tuple):
            return False
        if is_local_host(address[0]):
            return False
        refused.append(f"connect to {address[0]}")
        return True

    def guarded_connect(sock: socket.socket, address: object) -> None:
        if leaves(sock, address):
            raise ConnectionRefusedError("tests connect to loopback only")
        connect(sock, address)  # type: ignore[arg-type]  # the stub's union of address forms has no public name

    def guarded_connect_ex(sock: socket.socket, address: object) -> int:
        if leaves(sock, address):
            raise ConnectionRefusedError("tests connect to loopback only")
        return connect_ex(sock, address)  # type: ignore[arg-type]  # as above

    def guarded_getaddrinfo(host: object, *rest: object, **named: object) -> object:
        if not is_local_host(host):
            refused.append(f"look-up of {host!s}")
            raise socket.gaierror(socket.EAI_NONAME, "tests look up loopback names only")
        return getaddrinfo(host, *rest, **named)  # type: ignore[arg-type]  # passed on as it came

    monkeypatch.setattr(socket.socket, "connect", guarded_connect)
    monkeypatch.setattr(socket.socket, "connect_ex", guarded_connect_ex)
    monkeypatch.setattr(socket, "getaddrinfo", guarded_getaddrinfo)
    yield refused
    if refused:
        pytest.fail(f"the test reached out of this machine: {', '.join(refused)}")


@pytest.fixture
def canary() -> Canary:
    """Give a credential made for this test alone."""
    return Canary.make()
