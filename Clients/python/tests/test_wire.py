"""Frames: bytes in any pieces, and bytes that are none."""

from __future__ import annotations

import random
import struct

import pytest

import headwater as hw
from headwater._wire import headwater_pb2 as pb
from headwater._wire.frames import END, HEADER, Frame, FrameReader, Kind, Method, encode
from headwater._wire.session import WINDOW_BYTES, Session


def joined(pieces: list[bytes]) -> bytes:
    return b"".join(bytes(piece) for piece in pieces)


def feed(reader: FrameReader, data: bytes, sizes: random.Random | None = None) -> list[Frame]:
    frames: list[Frame] = []
    while data:
        buffer = reader.buffer()
        size = min(len(buffer), len(data), sizes.randint(1, 5_000) if sizes else len(data))
        buffer[:size] = data[:size]
        data = data[size:]
        frames += reader.received(size)
    return frames


def some_frames(seed: int) -> list[tuple[bytes, bytes, bytes]]:
    """Frames, heads and bodies."""
    chance = random.Random(seed)
    made = []
    for number in range(40):
        head = chance.randbytes(chance.choice([0, 1, 30, 70_000]))
        body = chance.randbytes(chance.choice([0, 1, 63, 64, 4_096, 100_000, 300_000]))
        made.append((joined(encode(Kind.DATA, Method.HISTORY, number + 1, head, [body])), head, body))
    return made


@pytest.mark.parametrize("seed", range(5))
def test_frames_come_whole_out_of_any_pieces(seed: int) -> None:
    made = some_frames(seed)
    frames = feed(FrameReader(), b"".join(frame for frame, _, _ in made), random.Random(seed))
    assert [(frame.head, frame.body.to_pybytes()) for frame in frames] == [(head, body) for _, head, body in made]
    assert [frame.request_id for frame in frames] == list(range(1, 41))
    assert all(frame.body.address % 64 == 0 for frame in frames if frame.body.size)


def test_a_frame_has_the_documented_bytes() -> None:
    frame = joined(encode(Kind.REQUEST, Method.GET_PREPARED, 7, b"head", [b"bo", b"dy"], budget_ms=1_500, end=True))
    assert frame[:48] == struct.pack("<4sBBHQIIIIHHII", b"HWF1", 1, 1, 23, 7, 4, 0, 4, 1_500, 0, END, 0, 0) + frame[44:48]
    assert frame[48:] == b"headbody"


def test_every_flipped_byte_is_noticed() -> None:
    frame = joined(encode(Kind.DATA, Method.SCAN, 3, b"some head", [b"some body"]))
    for place in range(len(frame)):
        damaged = bytearray(frame)
        damaged[place] ^= 0x41
        # Enough behind it for a length that grew.
        try:
            frames = feed(FrameReader(), bytes(damaged) + bytes(200_000))
        except hw.HeadwaterError:
            continue
        assert not frames, f"byte {place}: taken for a frame"


@pytest.mark.parametrize("seed", range(20))
def test_noise_is_refused(seed: int) -> None:
    with pytest.raises(hw.HeadwaterError):
        feed(FrameReader(), random.Random(seed).randbytes(1_000))


def test_lengths_above_the_limits_are_refused_before_memory_is_taken() -> None:
    for head, extension, body in ((1 << 30, 0, 0), (0, 1 << 20, 0), (0, 0, 1 << 31)):
        header = HEADER.pack(0x31465748, 1, Kind.DATA, 9, 1, head, extension, body, 0, 0, 0, 0, 0, 0)
        with pytest.raises(hw.InvalidArgument, match="above the limits"):
            feed(FrameReader(), header)


def frame(kind: int, request: int, head: bytes = b"", status: int = 0, credit: int = 0, body: bytes = b"") -> Frame:
    import pyarrow as pa

    return Frame(kind, 0, request, status, credit, head, pa.py_buffer(body))


def open_session() -> Session:
    session = Session()
    exchange, _ = session.greet("p", "secret", "test")
    reply = pb.HelloReply(version=1)
    reply.limits.initial_window_bytes = 1_000
    session.received(frame(Kind.RESPONSE, exchange.request_id, reply.SerializeToString()))
    session.greeted(reply)
    return session


def test_hello_carries_token_project_and_limits() -> None:
    _, pieces = Session().greet("p", "secret", "test")
    request = pb.HelloRequest.FromString(joined(pieces)[48:])
    assert (request.token, request.project, request.limits.initial_window_bytes) == (b"secret", b"p", WINDOW_BYTES)


def test_answers_find_their_requests_in_any_order() -> None:
    session = open_session()
    exchanges = [session.begin(Method.LIST, b"", (), budget_ms=0, end=True)[0] for _ in range(3)]
    for exchange in reversed(exchanges):
        session.received(frame(Kind.RESPONSE, exchange.request_id, str(exchange.request_id).encode()))
    assert [exchange.reply.head for exchange in exchanges if exchange.reply] == [b"2", b"3", b"4"]
    assert session.in_flight == 0


def test_an_error_has_its_class_location_and_position() -> None:
    session = open_session()
    exchange, _ = session.begin(Method.GET_PREPARED, b"", (), budget_ms=0, end=True)
    detail = pb.ErrorDetail(message=b"too late", location=b"row 3", applied_position=7)
    session.received(frame(Kind.RESPONSE, exchange.request_id, detail.SerializeToString(), status=4))
    assert isinstance(exchange.error, hw.DeadlineExceeded)
    assert str(exchange.error) == "row 3: too late"
    assert exchange.error.applied_position == 7


def test_a_streams_window_counts_down_and_up() -> None:
    session = open_session()
    exchange, _ = session.begin(Method.HISTORY, b"", (), budget_ms=0, end=False)
    assert exchange.send_window == 1_000
    session.data(exchange, [bytes(1_400)], end=False)
    assert exchange.send_window == -400
    session.received(frame(Kind.CREDIT, exchange.request_id, credit=1_400))
    assert exchange.send_window == 1_000


def test_credit_is_given_back_in_quarters_of_the_window() -> None:
    session = open_session()
    exchange, _ = session.begin(Method.SCAN, b"", (), budget_ms=0, end=True)
    given = 0
    for _ in range(100):
        session.received(frame(Kind.DATA, exchange.request_id, body=bytes(100_000)))
        taken, credit = session.take(exchange)
        assert taken is not None
        if credit:
            given += HEADER.unpack(joined(credit))[11]
    assert given <= 100 * 100_000 < given + WINDOW_BYTES // 4
    assert session.take(exchange) == (None, [])


def test_a_loss_ends_all_that_waits() -> None:
    session = open_session()
    exchange, _ = session.begin(Method.LIST, b"", (), budget_ms=0, end=True)
    session.lost(hw.Unavailable("gone"))
    assert isinstance(exchange.error, hw.Unavailable)
    with pytest.raises(hw.Unavailable, match="gone"):
        session.begin(Method.LIST, b"", (), budget_ms=0, end=True)


def test_a_server_that_drains_gets_no_new_requests_and_answers_the_old() -> None:
    session = open_session()
    exchange, _ = session.begin(Method.LIST, b"", (), budget_ms=0, end=True)
    session.received(frame(Kind.GO_AWAY, 0))
    with pytest.raises(hw.Unavailable, match="is stopping"):
        session.begin(Method.LIST, b"", (), budget_ms=0, end=True)
    session.received(frame(Kind.RESPONSE, exchange.request_id))
    assert exchange.reply is not None


def test_what_comes_for_a_request_that_was_given_up_is_dropped() -> None:
    session = open_session()
    exchange, _ = session.begin(Method.SCAN, b"", (), budget_ms=0, end=True)
    assert joined(session.cancel(exchange, hw.Cancelled("enough")))[5] == Kind.CANCEL
    session.received(frame(Kind.DATA, exchange.request_id, body=b"late"))
    session.received(frame(Kind.END, exchange.request_id, status=1))
    assert not exchange.items
    assert isinstance(exchange.error, hw.Cancelled)


def test_a_ping_is_answered() -> None:
    pong = joined(open_session().received(frame(Kind.PING, 99)))
    assert (pong[5], HEADER.unpack(pong)[4]) == (Kind.PONG, 99)
