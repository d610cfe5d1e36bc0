"""Whether a page of another site is behind a request: browsers say so, and no page can keep them from it.

`Sec-Fetch-Site` first (W3C Fetch Metadata), which browsers send to https and to loopback; else `Origin` (RFC 6454).
What sends neither is no browser that holds anybody's cookies.
"""

from urllib.parse import urlsplit

from runledger.server.arrival import Arrival

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_OURS = frozenset({"same-origin", "none"})


def is_foreign(site: str | None, origin: str | None, arrival: Arrival, public: str | None) -> bool:
    """Whether another site's page sends it, by the two headers; `public` is the address that people know us by."""
    if site is not None:
        return site not in _OURS
    if origin is None:
        return False
    host = urlsplit(origin).netloc.lower()
    known = {arrival.host.lower(), urlsplit(public or "").netloc.lower()} - {""}
    return host not in known
