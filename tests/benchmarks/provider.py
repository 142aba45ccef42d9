"""A provider on several ports, over TLS, that replies after LATENCY seconds: a process of its own.

    python -m tests.benchmarks.provider FOLDER LATENCY PORTS

It prints `{"ports": [...], "ca": FILE}` and serves until its input ends.
"""

import asyncio
import json
import os
import ssl
import sys
from asyncio import StreamReader, StreamWriter
from pathlib import Path

import trustme

HOST = "127.0.0.1"
BODY = b'{"data": {"type": "account", "id": "a", "attributes": {"balance": 718924.5}}}'
REPLY = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (
    len(BODY),
    BODY,
)


async def serve(folder: Path, latency: float, ports: int) -> None:
    """Serves until the input ends."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(HOST).configure_cert(context)

    async def answer(reader: StreamReader, writer: StreamWriter) -> None:
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                await asyncio.sleep(latency)
                writer.write(REPLY)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    servers = [
        await asyncio.start_server(answer, HOST, 0, ssl=context, backlog=1024) for _ in range(ports)
    ]
    numbers = [server.sockets[0].getsockname()[1] for server in servers]
    sys.stdout.write(json.dumps({"ports": numbers, "ca": str(folder / "ca.pem")}) + "\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)
    sys.stdout.flush()
    # asyncio would wait for the connections that are still open.
    os._exit(0)


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])))
