"""Addresses where something else than a Headwater server answers, for both clients and the command."""

from __future__ import annotations

import asyncio
import http.server
import os
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

import headwater as hw

from .conftest import BINARY, Server


class Quiet(http.server.BaseHTTPRequestHandler):
    def log_message(self, format: str, *arguments: object) -> None:
        pass


def answers_a_line(answer: bytes) -> Callable[[socket.socket], None]:
    """A server of a protocol of lines: it waits for one."""

    def serve(accepted: socket.socket) -> None:
        said = b""
        while b"\n" not in said:
            came = accepted.recv(4096)
            if not came:
                return
            said += came
        accepted.sendall(answer)
        accepted.recv(4096)

    return serve


def says(banner: bytes) -> Callable[[socket.socket], None]:
    def serve(accepted: socket.socket) -> None:
        accepted.sendall(banner)
        while accepted.recv(4096):
            pass

    return serve


def closes(accepted: socket.socket) -> None:
    accepted.close()


def resets(accepted: socket.socket) -> None:
    accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    accepted.close()


def is_silent(accepted: socket.socket) -> None:
    while accepted.recv(4096):
        pass


def dribbles(accepted: socket.socket) -> None:
    for byte in b"HTTP/1.1 400 Bad Request\r\n\r\n":
        accepted.sendall(bytes([byte]))
        time.sleep(0.01)
    is_silent(accepted)


HTTP = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
# What each says, and what is told of it.
STRANGERS: dict[str, tuple[Callable[[socket.socket], None], list[str]]] = {
    "HTTP": (answers_a_line(HTTP), ["is not a Headwater server", "HTTP/1.1 400 Bad Request", "which is HTTP"]),
    "HTTP that is short": (answers_a_line(b"HTTP/1.0 400\r\n\r\n"), ["is not a Headwater server", "which is HTTP"]),
    "a page": (answers_a_line(b"<!DOCTYPE HTML>\n<html>"), ["is not a Headwater server", "which is HTTP"]),
    "Redis": (answers_a_line(b"-ERR unknown command\r\n"), ["is not a Headwater server", "-ERR unknown command", "which is Redis"]),
    "SSH": (says(b"SSH-2.0-OpenSSH_9.6\r\n"), ["is not a Headwater server", "SSH-2.0-OpenSSH_9.6", "which is SSH"]),
    "mail": (says(b"220 mail.example.com ESMTP\r\n"), ["is not a Headwater server", "220 mail.example.com"]),
    "four bytes": (says(b"\x15\x03\x01\x00"), ["is not a Headwater server", "4 bytes of another"]),
    "many bytes": (says(bytes(range(256)) * 64), ["is not a Headwater server", "64 bytes of another"]),
    "what dribbles": (dribbles, ["is not a Headwater server"]),
    "what closes at once": (closes, ["closed the connection before it answered", "not a Headwater server"]),
    "what resets at once": (resets, ["closed the connection before it answered", "not a Headwater server"]),
}


@contextmanager
def stranger(serve: Callable[[socket.socket], None]) -> Iterator[str]:
    """The address of a server that is none of ours."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            while True:
                try:
                    accepted, _ = listener.accept()
                except OSError:
                    return
                threading.Thread(target=serve_one, args=[accepted], daemon=True).start()

        def serve_one(accepted: socket.socket) -> None:
            with accepted:
                try:
                    serve(accepted)
                except OSError:
                    return

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def told(address: str) -> dict[str, str]:
    """What each client says."""
    found = {}
    with pytest.raises(hw.HeadwaterError) as blocking:
        hw.connect(address)
    found["blocking"] = str(blocking.value)

    async def main() -> None:
        with pytest.raises(hw.HeadwaterError) as error:
            await hw.aio.connect(address)
        found["asyncio"] = str(error.value)

    asyncio.run(main())
    done = subprocess.run([BINARY, "list", "--address", address], capture_output=True, timeout=60)
    assert done.returncode not in (0, 64)
    found["command"] = done.stderr.decode()
    return found


@pytest.mark.parametrize("name", STRANGERS)
def test_what_is_no_headwater_server_is_told_at_once(name: str) -> None:
    serve, words = STRANGERS[name]
    with stranger(serve) as address:
        began = time.monotonic()
        for client, said in told(address).items():
            for word in [*words, address]:
                assert word in said, client
            assert len(said.strip().splitlines()) == 1, client
        assert time.monotonic() - began < 8


def test_a_web_server_is_told_at_once() -> None:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as web:
        thread = threading.Thread(target=web.serve_forever)
        thread.start()
        for client, said in told(f"127.0.0.1:{web.server_port}").items():
            assert "is not a Headwater server" in said and "which is HTTP" in said, client
        web.shutdown()
        thread.join()


def test_a_silent_port_is_told_when_its_time_is_up() -> None:
    with stranger(is_silent) as address:
        for connect in (lambda: hw.connect(address, timeout=0.3), lambda: asyncio.run(hw.aio.connect(address, timeout=0.3))):
            began = time.monotonic()
            with pytest.raises(hw.DeadlineExceeded, match=r"no answer within 0.3 s.* is not a Headwater server, or one that stands"):
                connect()  # type: ignore[no-untyped-call]
            assert time.monotonic() - began < 3


def test_a_stranger_that_takes_the_place_of_a_server_is_told(start_server: Callable[..., Server]) -> None:
    server = start_server()
    with hw.connect(server.address, "p", timeout=5) as client:
        client.list()
        server.kill()
        path = server.address.removeprefix("unix:")
        os.unlink(path)
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path)
            listener.listen()

            def accept() -> None:
                accepted, _ = listener.accept()
                with accepted:
                    answers_a_line(HTTP)(accepted)

            thread = threading.Thread(target=accept)
            thread.start()
            with pytest.raises(hw.InvalidArgument, match="is not a Headwater server"):
                client.list()
            thread.join()


def test_a_token_is_refused_before_anything_is_sent() -> None:
    # Nobody listens there: the refusal comes first.
    for token in ("x", ""):
        with pytest.raises(hw.Unimplemented, match="servers check no tokens yet"):
            hw.connect("127.0.0.1:1", token=token)
        with pytest.raises(hw.Unimplemented, match="servers check no tokens yet"):
            asyncio.run(hw.aio.connect("127.0.0.1:1", token=token))


def test_a_server_refuses_a_hello_with_a_token(server: Server) -> None:
    from headwater._wire import headwater_pb2 as pb
    from headwater._wire.frames import FrameReader, Kind, Method, encode

    for token in (b"x", b""):
        request = pb.HelloRequest(version_min=1, version_max=1, client_name=b"test", token=token)
        reader = FrameReader()
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(server.address.removeprefix("unix:"))
            connection.sendall(b"".join(encode(Kind.REQUEST, Method.HELLO, 1, request.SerializeToString(), end=True)))
            frames = reader.received(connection.recv_into(reader.buffer()))
        detail = pb.ErrorDetail.FromString(frames[0].head)
        assert frames[0].status == 12
        assert b"this server checks no tokens, and takes none: connect without one" in detail.message
