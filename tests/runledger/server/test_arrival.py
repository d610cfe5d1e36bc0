"""How a request came, whom it is believed, and which cookie goes with it."""

import pytest

from ledger.errors import WorkspaceError
from runledger.server.arrival import Arrival, Proxies
from runledger.server.cookies import SESSION, Cookie
from runledger.server.origin import is_foreign


def arrived(proxies: Proxies, peer: str = "10.0.0.7", **headers: str) -> Arrival:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in {"host": "h:5470", **headers}.items()]
    return proxies.arrival((peer, 1), "http", raw)


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("198.51.100.1, 203.0.113.7", "203.0.113.7"),
        ("198.51.100.1, 203.0.113.7, 10.0.0.9", "203.0.113.7"),
        ("203.0.113.7:4711", "203.0.113.7"),
        ("[2001:db8::1]:4711", "2001:db8::1"),
        ("2001:db8::1", "2001:db8::1"),
        ("10.0.0.1, 10.0.0.2", "10.0.0.1"),
        ("198.51.100.1, made up", "10.0.0.7"),
        ("", "10.0.0.7"),
    ],
)
def test_the_nearest_address_that_no_trusted_proxy_has_is_who_asks(forwarded: str, address: str) -> None:
    assert arrived(Proxies(["10.0.0.0/8"]), x_forwarded_for=forwarded).address == address


def test_nobody_is_believed_unless_named() -> None:
    said = {"x_forwarded_for": "203.0.113.7", "x_forwarded_proto": "https", "x_forwarded_host": "ledger.example"}
    unnamed, named = arrived(Proxies(), **said), arrived(Proxies(["10.0.0.7"]), **said)
    other = arrived(Proxies(["10.0.0.8"]), **said)

    assert unnamed == other == Arrival("10.0.0.7", "http", "h:5470", proxied=True)
    assert named == Arrival("203.0.113.7", "https", "ledger.example", proxied=True)
    with pytest.raises(WorkspaceError, match="no address of a proxy"):
        Proxies(["everybody"])


@pytest.mark.parametrize(
    ("address", "neighbours"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("somewhere", "unknown"),
    ],
)
def test_an_ipv6_host_is_known_by_its_network(address: str, neighbours: str) -> None:
    assert Arrival(address, "http", "h", proxied=False).neighbours == neighbours


@pytest.mark.parametrize(
    ("scheme", "host", "proxied", "name"),
    [
        ("http", "localhost:5470", False, "runledger_5470_session"),
        ("http", "127.0.0.1", False, "runledger_80_session"),
        ("http", "[::1]:8000", False, "runledger_8000_session"),
        ("http", "[::1]", False, "runledger_80_session"),
        ("http", "127.0.0.1:5470", True, "__Host-runledger_session"),
        ("https", "localhost:5470", False, "__Host-runledger_session"),
        ("http", "ledger:5470", False, "__Host-runledger_session"),
        ("http", "127.0.0.1.evil.example", False, "__Host-runledger_session"),
    ],
)
def test_a_cookie_goes_without_encryption_to_this_machine_alone(
    scheme: str, host: str, *, proxied: bool, name: str
) -> None:
    cookie = Cookie(SESSION, Arrival("::1", scheme, host, proxied=proxied))

    assert cookie.name == name
    assert ("Secure" in cookie.setting("x")) is name.startswith("__Host-")


def test_of_two_cookies_with_one_name_none_is_believed() -> None:
    """A neighbour under the same domain may have set the other."""
    cookie = Cookie(SESSION, Arrival("::1", "http", "localhost", proxied=False))

    assert cookie.value_in("a=b; runledger_80_session=x; c=d") == "x"
    assert cookie.value_in("runledger_80_session=x; runledger_80_session=y") is None
    assert cookie.value_in("") is None


@pytest.mark.parametrize(
    ("site", "origin", "foreign"),
    [
        (None, None, False),
        ("same-origin", None, False),
        ("none", None, False),
        ("same-site", "http://h:5470", True),
        ("cross-site", "http://h:5470", True),
        ("same-origin", "http://evil", False),
        (None, "http://h:5470", False),
        (None, "https://H:5470", False),
        (None, "https://public.example", False),
        (None, "http://h", True),
        (None, "http://h:5470.evil.example", True),
        (None, "null", True),
        (None, "", True),
    ],
)
def test_browsers_tell_whose_page_it_is(site: str | None, origin: str | None, *, foreign: bool) -> None:
    arrival = Arrival("::1", "http", "h:5470", proxied=False)

    assert is_foreign(site, origin, arrival, "https://public.example/ledger") is foreign
