"""The fixtures that guard all other tests must themselves hold."""

from __future__ import annotations

import asyncio
import base64
import os
import socket
from pathlib import Path

import pytest

from tests.canary import Canary


def test_a_test_sees_neither_home_nor_settings_nor_identity(tmp_path: Path) -> None:
    assert Path.home() == tmp_path
    steering = {name for name in os.environ if name.startswith(("AWS_", "MM_", "TEXTUAL"))}
    assert steering == {"AWS_EC2_METADATA_DISABLED"}
    assert not {"CI", "GITHUB_ACTIONS", "SECRETS_BACKEND", "NO_COLOR"} & set(os.environ)
    assert all(Path(value).is_relative_to(tmp_path) for name, value in os.environ.items() if name.startswith("XDG_"))


def test_connections_and_look_ups_out_of_this_machine_are_refused(loopback_only: list[str]) -> None:
    with socket.socket() as sock, pytest.raises(ConnectionRefusedError):
        sock.connect(("192.0.2.1", 9))
    with socket.socket(socket.AF_INET6) as sock, pytest.raises(ConnectionRefusedError):
        sock.connect_ex(("2001:db8::1", 9))
    with pytest.raises(socket.gaierror):
        socket.getaddrinfo("secretsmanager.us-east-1.example", 443)
    assert loopback_only == [
        "connect to 192.0.2.1",
        "connect to 2001:db8::1",
        "look-up of secretsmanager.us-east-1.example",
    ]
    loopback_only.clear()


async def test_loopback_stays_open_also_for_asyncio() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readexactly(4))
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection("localhost", port, family=socket.AF_INET)
        writer.write(b"ping")
        assert await reader.read() == b"ping"
        writer.close()
        await writer.wait_closed()


def test_unix_sockets_stay_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # a socket's path is limited to some 100 characters
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
        server.bind("door")
        server.listen()
        client.connect("door")


def test_canaries_differ_and_are_found_in_any_dress(canary: Canary) -> None:
    other = Canary.make()
    assert len({canary.api_key, canary.api_secret, canary.api_passphrase, other.api_key, other.api_secret}) == 5
    secret = canary.api_secret
    dresses: list[str | bytes] = [
        f"error: {secret}!",
        secret[20:28],
        secret.lower(),
        secret[::-1],
        "".join(f"\x1b[1m{letter}\x1b[0m" for letter in secret),
        secret.encode("utf-16-le"),
        secret.encode().hex(),
        base64.b64encode(b"user:" + secret.encode()),
    ]
    assert [canary.leaks_in(dress) for dress in dresses] == [["api_secret"]] * len(dresses)
    harmless = f"{canary.api_key[:3]}...*** ****{canary.api_key[-4:]} {other.api_secret}"
    assert canary.leaks_in(harmless) == []
