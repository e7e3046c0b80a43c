"""Whose request it is: the address that a limit counts, and whether it comes from this machine.

X-Forwarded-For is what anybody can write. It is read only where the connection comes from a proxy that the operator
named, and only as far to the left as named proxies wrote it.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from starlette.requests import Request

from polyglass.errors import ConfigError
from polyglass.serving.guard import LOOPBACK, host_name
from polyglass.serving.refusals import Refusal

_SIGNS_OF_A_PROXY = ("x-forwarded-for", "x-forwarded-host", "x-real-ip", "forwarded", "via")


class Proxies:
    """The networks of proxies that are believed. Raises ConfigError for what is no network."""

    def __init__(self, named: str) -> None:
        self._networks = tuple(_network(part.strip()) for part in named.split(",") if part.strip())

    def trusts(self, address: str) -> bool:
        """Whether a proxy of ours has this address."""
        hop = _parsed(address)
        return hop is not None and any(hop in network for network in self._networks)

    def caller(self, request: Request) -> str:
        """Return the address of whoever asks: the last one in the chain that is no proxy of ours."""
        caller = request.client.host if request.client else ""
        hops = [hop for line in request.headers.getlist("x-forwarded-for") for hop in line.split(",")]
        while hops and self.trusts(caller):
            hop = _parsed(hops.pop())
            if hop is None:  # a proxy of ours passed on what is no address: it stands for its client itself
                break
            caller = str(hop)
        return caller


class Callers:
    """How many requests of each address are at work. most: for one address."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._inside: Counter[str] = Counter()

    @property
    def inside(self) -> int:
        """How many requests of all addresses together are at work."""
        return self._inside.total()

    @contextmanager
    def count(self, address: str) -> Iterator[None]:
        """Count a request while the block lasts."""
        self._inside[address] += 1
        try:
            yield
        finally:
            self._inside[address] -= 1
            if not self._inside[address]:
                del self._inside[address]

    def check(self, address: str) -> None:
        """Raise Refusal (429) if an address has more requests than it may."""
        if self._inside[address] > self._most:
            raise Refusal(
                429,
                "too_many_requests",
                f"One address may have {self._most:,} requests at work at the same time.",
                hint="Try again when one of them is answered.",
                retry_after=1,
            )


def is_here(request: Request) -> bool:
    """Whether a browser on this machine asks, without a proxy in between."""
    peer = request.client.host if request.client else ""
    direct = not any(name in request.headers for name in _SIGNS_OF_A_PROXY)
    hop = _parsed(peer)
    return direct and hop is not None and hop.is_loopback and host_name(request.headers.get("host", "")) in LOOPBACK


def _network(text: str) -> IPv4Network | IPv6Network:
    try:
        return ip_network(text)
    except ValueError as error:
        raise ConfigError(
            f"serve.trusted_proxy: must be networks such as 10.0.0.0/8 or 127.0.0.1, but {text!r} is none ({error})."
        ) from None


def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    """Read an address, with or without a port; an IPv4 address that is written as IPv6 is the same address."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address
