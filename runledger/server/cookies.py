"""The cookies of the pages: scripts cannot read them, other sites' forms not send them, and nobody listens in."""

import re
from dataclasses import dataclass
from http.cookies import SimpleCookie

from runledger.server.arrival import Arrival

SESSION, FORM = "session", "form"
_PORT = re.compile(r":([0-9]+)$")


@dataclass(frozen=True, slots=True)
class Cookie:
    """One of our cookies for a browser that came so."""

    kind: str
    arrival: Arrival

    @property
    def secure(self) -> bool:
        """Whether it is kept to encrypted connections: everywhere, but to this machine itself."""
        return not (self.arrival.is_private and self.arrival.scheme != "https")

    @property
    def name(self) -> str:
        """Its name; on one machine, servers on several ports share the cookies and must not share the name."""
        if self.secure:
            # Browsers take this prefix from this very host alone, over https (RFC 6265bis 4.1.3.2).
            return f"__Host-runledger_{self.kind}"
        port = _PORT.search(self.arrival.host)
        return f"runledger_{port[1] if port else 80}_{self.kind}"

    def value_in(self, header: str) -> str | None:
        """Its value in a `Cookie` header; of two with one name, none is believed."""
        pairs = [pair.strip().partition("=") for pair in header.split(";")]
        found = [value for name, _, value in pairs if name == self.name]
        return found[0] if len(found) == 1 else None

    def setting(self, value: str, seconds: int | None = None) -> str:
        """The `Set-Cookie` header that keeps it: for so many seconds, else until the browser is closed."""
        cookie: SimpleCookie = SimpleCookie()
        cookie[self.name] = value
        morsel = cookie[self.name]
        morsel["path"], morsel["httponly"], morsel["samesite"] = "/", True, "Lax"
        if self.secure:
            morsel["secure"] = True
        if seconds is not None:
            morsel["max-age"] = str(seconds)
        return morsel.OutputString()

    def clearing(self) -> str:
        """The `Set-Cookie` header that ends it."""
        return self.setting("", 0)
