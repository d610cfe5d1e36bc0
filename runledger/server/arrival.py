"""How a request came: from which address, over what, and to which name; what a proxy says counts only if trusted."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from ledger.errors import WorkspaceError

Headers = Iterable[tuple[bytes, bytes]]

UNKNOWN = "unknown"
_PORT = re.compile(r":[0-9]+$")
_FORWARDING = frozenset({b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host", b"forwarded", b"x-real-ip"})
_LOOPBACK_NAMES = frozenset({"localhost", "[::1]"})
_SITE_BITS = 64


@dataclass(frozen=True, slots=True)
class Arrival:
    """`host` is the name and port that were asked for; `proxied` whether any proxy, trusted or not, was there."""

    address: str
    scheme: str
    host: str
    proxied: bool

    @property
    def name(self) -> str:
        """The host without its port, in lower case."""
        return _PORT.sub("", self.host).lower()

    @property
    def is_private(self) -> bool:
        """Whether nobody can listen in: it is encrypted, or never left this machine."""
        return self.scheme == "https" or (not self.proxied and is_loopback_name(self.name))

    @property
    def neighbours(self) -> str:
        """Whom to hold responsible for what the address does: one IPv4 address, or an IPv6 network of 64 bits."""
        try:
            address = ip_address(self.address)
        except ValueError:
            return UNKNOWN
        if isinstance(address, IPv6Address) and address.ipv4_mapped is None:
            return str(ip_network((address, _SITE_BITS), strict=False))
        return str(getattr(address, "ipv4_mapped", None) or address)


class Proxies:
    """The proxies that are believed; none unless named."""

    def __init__(self, texts: Iterable[str] = ()) -> None:
        """Addresses such as `10.0.0.7`, networks such as `10.0.0.0/8`; raises WorkspaceError."""
        self._networks = [_network(text) for text in texts if text]

    def trusts(self, address: str) -> bool:
        """Whether what comes from an address is believed."""
        try:
            found = ip_address(address)
        except ValueError:
            return False
        return any(found in network for network in self._networks)

    def arrival(self, client: Sequence[object] | None, scheme: str, headers: Headers) -> Arrival:
        """How a request came: `client` is the address and port at the other end of the connection."""
        peer = str(client[0]) if client else UNKNOWN
        given = list(headers)
        host = _last(given, b"host")
        proxied = any(name in _FORWARDING for name, _ in given)
        if not self.trusts(peer):
            return Arrival(peer, scheme, host, proxied)
        return Arrival(
            self._first_stranger(peer, given),
            "https" if _last(given, b"x-forwarded-proto").lower() == "https" else scheme,
            _last(given, b"x-forwarded-host") or host,
            proxied,
        )

    def _first_stranger(self, peer: str, headers: Headers) -> str:
        """Each proxy adds whom it heard from at the end; what comes before the last one trusted may be made up."""
        for text in reversed([peer, *_items(headers, b"x-forwarded-for")][1:]):
            address = _address_in(text)
            if address is None:
                return peer
            peer = address
            if not self.trusts(address):
                return address
        return peer


def is_loopback_name(name: str) -> bool:
    """Whether a browser that names a host so talks to its own machine."""
    return name in _LOOPBACK_NAMES or re.fullmatch(r"127(\.[0-9]{1,3}){3}", name) is not None


def _network(text: str) -> IPv4Network | IPv6Network:
    try:
        return ip_network(text.strip(), strict=False)
    except ValueError as error:
        raise WorkspaceError(
            f"{text!r} is no address of a proxy; write 10.0.0.7 or 10.0.0.0/8, with commas between several"
        ) from error


def _items(headers: Headers, wanted: bytes) -> list[str]:
    found = [value.decode("latin-1") for name, value in headers if name == wanted]
    return [item.strip() for value in found for item in value.split(",")]


def _last(headers: Headers, wanted: bytes) -> str:
    """What the nearest one says; empty without it."""
    return next(reversed(_items(headers, wanted)), "")


def _address_in(text: str) -> str | None:
    """An address with or without a port, as proxies write it."""
    bare = text.removeprefix("[").partition("]")[0] if text.startswith("[") else text
    candidates = (bare, bare.rpartition(":")[0])
    for each in candidates:
        try:
            return str(ip_address(each))
        except ValueError:
            continue
    return None
