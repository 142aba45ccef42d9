"""A host name is resolved once, in time, and only its public addresses are connected to."""

import socket
import ssl
from typing import Any

from balance_watch.domain.reading import FailureKind
from balance_watch.transport import Request, Transport
from balance_watch.transport.sockets import Network, current
from local.loopback import LOOPBACK
from tests.support.exchanges import failure
from tests.support.fault_behaviours import replies
from tests.support.fault_server import FaultServer

FINE = replies("200 OK", b"{}")

PUBLIC = "93.184.215.14"


class TwoFaced(Network):
    """Resolves to each of these lists in turn; the public address leads to a server on loopback."""

    def __init__(self, outside: FaultServer, *answers: list[str]) -> None:
        self.outside, self.answers, self.lookups = outside, list(answers), 0
        self.reached: list[str] = []

    def resolve(self, host: str, port: int) -> list[Any]:
        del host
        self.lookups += 1
        family = socket.AF_INET
        return [(family, socket.SOCK_STREAM, 0, "", (it, port)) for it in self.answers.pop(0)]

    def connect(self, connection: socket.socket, address: tuple[str, int]) -> None:
        self.reached.append(address[0])
        real = (LOOPBACK, self.outside.port) if address[0] == PUBLIC else address
        connection.connect(real)


def over(network: Network, ca_bundle: str) -> Transport:
    return Transport(ca_bundle=ca_bundle, network=network)


def test_a_name_is_resolved_once_for_the_check_and_the_connection(
    certified: ssl.SSLContext, ca_bundle: str
) -> None:
    with FaultServer(FINE, certified) as outside, FaultServer(FINE, certified) as inside:
        network = TwoFaced(outside, [PUBLIC], [LOOPBACK])
        url = f"https://localhost:{inside.port}/"
        reply = over(network, ca_bundle).exchange(Request("GET", url), timeout=5)
        assert reply.body == b"{}"
        assert (network.lookups, network.reached, inside.connections) == (1, [PUBLIC], 0)


def test_a_name_that_becomes_private_is_rejected_from_then_on(
    certified: ssl.SSLContext, ca_bundle: str
) -> None:
    with FaultServer(FINE, certified) as outside, FaultServer(FINE, certified) as inside:
        network = TwoFaced(outside, [PUBLIC], [LOOPBACK])
        transport = over(network, ca_bundle)
        url = f"https://localhost:{inside.port}/"
        assert transport.exchange(Request("GET", url), timeout=5).body == b"{}"
        error = failure(transport, url)
        assert "a private address" in error.message
        assert not error.sent
        assert (network.reached, inside.connections) == ([PUBLIC], 0)


def test_private_addresses_among_several_are_skipped(
    certified: ssl.SSLContext, ca_bundle: str
) -> None:
    with FaultServer(FINE, certified) as outside, FaultServer(FINE, certified) as inside:
        network = TwoFaced(outside, [LOOPBACK, "169.254.169.254", PUBLIC])
        url = f"https://localhost:{inside.port}/"
        assert over(network, ca_bundle).exchange(Request("GET", url), timeout=5).body == b"{}"
        assert (network.reached, inside.connections) == ([PUBLIC], 0)


def test_a_name_that_is_not_resolved_in_time_times_out() -> None:
    class Slow(Network):
        def resolve(self, host: str, port: int) -> list[Any]:
            del host, port
            current.time_left()
            raise TimeoutError("the host's name was not resolved in time")

    error = failure(Transport(network=Slow()), "https://slow.example/")
    assert (error.kind, error.sent) == (FailureKind.TIMED_OUT, False)
