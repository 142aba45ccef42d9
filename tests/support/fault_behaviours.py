"""Behaviours of a `FaultServer`: replies that are cut, endless, dripping or enormous."""

import time
import zlib

from tests.support.fault_server import Behaviour, Wire

CHUNKED = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"

_MEBIBYTE = bytes(1 << 20)


def sends(*parts: bytes) -> Behaviour:
    """Sends these bytes, then hangs up."""

    def behave(wire: Wire) -> None:
        for part in parts:
            wire.send(part)

    return behave


def replies(status: str, body: bytes, **headers: str) -> Behaviour:
    """Sends a well-formed reply; `content_type="…"` becomes Content-Type."""
    names = {name.replace("_", "-").title(): value for name, value in headers.items()}
    lines = {
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        "Connection": "close",
        **names,
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return sends(f"HTTP/1.1 {status}\r\n{head}\r\n".encode(), body)


def hangs(wire: Wire) -> None:
    """Never sends anything."""
    wire.pause(wire.hang_seconds)


def sends_then_hangs(data: bytes) -> Behaviour:
    """Sends these bytes and keeps the connection open."""

    def behave(wire: Wire) -> None:
        wire.send(data)
        hangs(wire)

    return behave


def drips(head: bytes, drop: bytes, *, every: float = 0.02) -> Behaviour:
    """Sends a head at once, then a drop after each pause, endlessly."""

    def behave(wire: Wire) -> None:
        wire.send(head)
        until = time.monotonic() + wire.hang_seconds
        while wire.pause(every) and time.monotonic() < until:
            wire.send(drop)

    return behave


def floods(head: bytes, wave: bytes = b"x" * 65536) -> Behaviour:
    """Sends a head, then as many bytes as the client takes."""
    return drips(head, wave, every=0)


def resets(head: bytes = b"") -> Behaviour:
    """Sends a head, then resets the connection."""

    def behave(wire: Wire) -> None:
        wire.send(head)
        wire.reset()

    return behave


def reply_head(*lines: str) -> bytes:
    """Returns the head of a reply with status 200 and these header lines."""
    return "\r\n".join(("HTTP/1.1 200 OK", *lines, "", "")).encode()


def bombs(encoding: str) -> Behaviour:
    """Sends 1 GiB of zeros in 1 MB, as `gzip` or `deflate`."""
    compressor = zlib.compressobj(9, wbits=-15)
    # After a full flush nothing refers back, so that one compressed mebibyte can be repeated.
    compressed = compressor.compress(_MEBIBYTE) + compressor.flush(zlib.Z_FULL_FLUSH)
    is_gzip = encoding == "gzip"
    start = b"\x1f\x8b\x08" + bytes(5) + b"\x02\xff" if is_gzip else b"\x78\xda"
    end_length = 2 + (8 if is_gzip else 4)
    length = len(start) + 1024 * len(compressed) + end_length
    head = reply_head(f"Content-Encoding: {encoding}", f"Content-Length: {length}")

    def behave(wire: Wire) -> None:
        wire.send(head + start)
        for _ in range(1024):
            wire.send(compressed)
        wire.send(b"\x03\x00" + (_end_of_gzip() if is_gzip else _end_of_deflate()))

    return behave


def _end_of_gzip() -> bytes:
    checksum = 0
    for _ in range(1024):
        checksum = zlib.crc32(_MEBIBYTE, checksum)
    return checksum.to_bytes(4, "little") + (1 << 30).to_bytes(4, "little")


def _end_of_deflate() -> bytes:
    checksum = 1
    for _ in range(1024):
        checksum = zlib.adler32(_MEBIBYTE, checksum)
    return checksum.to_bytes(4, "big")
