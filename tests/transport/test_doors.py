"""Requests reach no private address, no plain http and no proxy, unless the host is trusted."""

import ssl
from pathlib import Path

import pytest

from balance_watch.domain.reading import FailureKind
from balance_watch.transport import Request, Transport
from tests.support.exchanges import exchanged, failure, trusting
from tests.support.fault_behaviours import replies
from tests.support.fault_server import FaultServer, Wire

FINE = replies("200 OK", b"{}")

PRIVATE = [
    "127.0.0.1",
    "127.9.9.9",
    "0.0.0.0",  # noqa: S104 (nothing binds to it here)
    "10.0.0.1",
    "100.64.0.1",
    "169.254.169.254",
    "172.16.0.1",
    "192.168.0.1",
    "198.18.0.1",
    "224.0.0.1",
    "255.255.255.255",
    "[::]",
    "[::1]",
    "[fd00:ec2::254]",
    "[fe80::1]",
    "[fec0::1]",
    "[ff02::1]",
    "[::127.0.0.1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:169.254.169.254]",
    "[2002:7f00:1::]",
    "[64:ff9b::7f00:1]",
    "[64:ff9b:1::a00:1]",
]


@pytest.mark.parametrize("host", PRIVATE)
def test_a_private_address_is_rejected(host: str) -> None:
    error = failure(Transport(), f"https://{host}/")
    assert (error.kind, error.transient, error.sent) == (FailureKind.UNREACHABLE, False, False)
    assert "a private address" in error.message


@pytest.mark.parametrize("name", ["localhost", "127.1", "2130706433", "0x7f.0.0.1", "0177.0.0.1"])
def test_a_name_that_resolves_to_a_private_address_is_rejected(
    name: str, certified: ssl.SSLContext
) -> None:
    with FaultServer(FINE, certified) as server:
        error = failure(Transport(), f"https://{name}:{server.port}/")
        assert server.connections == 0
    assert "a private address" in error.message


def test_a_trusted_port_makes_no_other_port_trusted() -> None:
    with FaultServer(FINE) as trusted, FaultServer(FINE) as other:
        error = failure(trusting(trusted), other.url)
        assert other.connections == 0
    assert (error.kind, error.sent) == (FailureKind.UNREACHABLE, False)


def test_a_trusted_name_makes_no_other_name_of_the_address_trusted() -> None:
    with FaultServer(FINE) as server:
        error = failure(trusting(server), f"https://localhost:{server.port}/")
        assert server.connections == 0
    assert "a private address" in error.message


def test_plain_http_is_rejected() -> None:
    with FaultServer(FINE) as server:
        error = failure(Transport(), server.url)
        assert server.connections == 0
    assert (error.kind, error.transient, error.sent) == (FailureKind.UNREACHABLE, False, False)
    assert "https" in error.message


def test_plain_http_is_rejected_before_the_name_is_resolved() -> None:
    assert "https" in failure(Transport(), "http://nobody.invalid/").message


def test_a_trusted_host_may_be_plain_http_and_private() -> None:
    with FaultServer(FINE) as server:
        assert exchanged(server).body == b"{}"


def test_a_trusted_host_may_be_written_in_any_case() -> None:
    with FaultServer(FINE) as server:
        transport = Transport([f"LocalHost:{server.port}"])
        url = f"http://LOCALHOST:{server.port}/"
        assert transport.exchange(Request("GET", url), timeout=5).body == b"{}"


def test_a_trusted_address_may_be_ipv6() -> None:
    error = failure(Transport(["[::1]:1"]), "http://[::1]:1/")
    assert "TRUSTED_HOSTS" not in error.message


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"])
def test_a_proxy_in_the_environment_is_not_used(
    variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FaultServer(FINE) as server, FaultServer(replies("502 Bad", b"")) as proxy:
        monkeypatch.setenv(variable, proxy.url)
        assert exchanged(server).status == 200
        assert proxy.connections == 0


def test_a_proxy_in_the_environment_is_not_used_for_https(
    certified: ssl.SSLContext, ca_bundle: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FaultServer(FINE, certified) as server, FaultServer(replies("502 Bad", b"")) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        transport = trusting(server, ca_bundle=ca_bundle)
        assert transport.exchange(Request("GET", server.url), timeout=5).status == 200
        assert proxy.connections == 0


def test_a_netrc_adds_no_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with FaultServer(FINE) as server:
        exchanged(server)
        assert b"authorization" not in server.heads[0].lower()


@pytest.mark.parametrize(
    "variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "AWS_CA_BUNDLE"]
)
def test_a_bundle_in_the_environment_makes_nothing_trusted(
    variable: str, certified: ssl.SSLContext, ca_bundle: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, ca_bundle)
    with FaultServer(FINE, certified) as server:
        error = failure(trusting(server), server.url)
        assert server.heads == []
    assert "certificate" in error.message


def test_a_bundle_in_the_environment_makes_nothing_untrusted(
    certified: ssl.SSLContext, ca_bundle: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "missing.pem"))
    with FaultServer(FINE, certified) as server:
        transport = trusting(server, ca_bundle=ca_bundle)
        assert transport.exchange(Request("GET", server.url), timeout=5).status == 200


def test_a_cookie_of_one_reply_is_not_sent_with_the_next_request() -> None:
    with FaultServer(replies("200 OK", b"{}", set_cookie="session=1; Path=/")) as server:
        transport = trusting(server)
        for _ in range(2):
            transport.exchange(Request("GET", server.url), timeout=5)
        assert len(server.heads) == 2
        assert b"cookie" not in server.heads[1].lower()


def test_the_user_agent_is_our_own() -> None:
    with FaultServer(FINE) as server:
        exchanged(server)
        assert b"\r\nUser-Agent: balance-watch/" in server.heads[0]


def test_the_request_asks_for_an_uncompressed_reply() -> None:
    with FaultServer(FINE) as server:
        exchanged(server)
        assert b"\r\nAccept-Encoding: identity\r\n" in server.heads[0]


def test_a_connection_is_reused_for_the_next_request_to_its_host() -> None:
    def answers_twice(wire: Wire) -> None:
        for _ in range(2):
            wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
            wire.read_request()

    with FaultServer(answers_twice) as server:
        transport = trusting(server)
        for _ in range(2):
            transport.exchange(Request("GET", server.url), timeout=5)
        assert server.connections == 1
