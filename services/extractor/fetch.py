"""Fetch a document from the web without being led into the local network.

Every hop's host is resolved here, all its addresses are checked, and the connection goes to a
checked address and nowhere else, so that a name that changes its address in between (DNS
rebinding) or a redirect reaches nothing private. Proxies of the environment are not used: what
they connect to could not be checked.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from dataclasses import dataclass

import httpx

from shared.errors import DocumentTooLarge, UrlRefused, UrlUnreachable

_HEADERS = {
    "user-agent": "gristmill/0.1 (document extractor)",
    "accept": "text/html,application/xhtml+xml,application/pdf,text/*;q=0.9,*/*;q=0.8",
    "accept-encoding": "gzip",
}
_TRY_AGAIN = {408, 425, 429}
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """What is spent on one URL.

    Attributes:
        max_bytes: largest body, after decompression.
        seconds: for everything, from the first name lookup to the last byte.
        connect_seconds: for one connection.
        max_redirects: followed before giving up.
    """

    max_bytes: int = 50_000_000
    seconds: float = 60.0
    connect_seconds: float = 10.0
    max_redirects: int = 5


@dataclass(frozen=True, slots=True)
class Fetched:
    """A body, its content type as sent, and the URL it came from in the end."""

    body: bytes
    media_type: str
    url: str


async def fetch(
    url: str, *, limits: FetchLimits | None = None, allow_private: bool = False
) -> Fetched:
    """Fetch the document at `url`, by http or https.

    Args:
        url: its address.
        limits: on size, time and redirects; the defaults where None.
        allow_private: reach loopback, private, link-local and reserved addresses too.

    Raises:
        UrlRefused: another scheme, a private address, too many redirects, or the server says no.
        UrlUnreachable: no answer in time, or the server is busy or broken; worth trying again.
        DocumentTooLarge: the body is over the limit.
    """
    limits = limits or FetchLimits()
    timeout = httpx.Timeout(limits.seconds, connect=limits.connect_seconds)
    tls = httpx.create_ssl_context(trust_env=True)
    try:
        async with (
            asyncio.timeout(limits.seconds),
            httpx.AsyncClient(timeout=timeout, verify=tls, trust_env=False) as client,
        ):
            return await _follow(client, url, limits, allow_private=allow_private)
    except (TimeoutError, httpx.TimeoutException) as error:
        raise UrlUnreachable(
            f"{url} did not answer within {limits.seconds:g} seconds.",
            "Try again later, or save the page and give the file.",
        ) from error
    except (httpx.InvalidURL, httpx.UnsupportedProtocol, UnicodeError) as error:
        raise UrlRefused(f"{url} is no valid web address ({error}).", "Correct it.") from error
    except (httpx.HTTPError, OSError) as error:
        raise UrlUnreachable(
            f"{url} cannot be reached ({type(error).__name__}: {error}).",
            "Check the address and the connection, or try again later.",
        ) from error


async def _follow(
    client: httpx.AsyncClient, url: str, limits: FetchLimits, *, allow_private: bool
) -> Fetched:
    target = httpx.URL(url)
    for _ in range(limits.max_redirects + 1):
        addresses = await _checked_addresses(target, url, allow_private=allow_private)
        response = await _send(client, target, addresses)
        try:
            if not response.has_redirect_location:
                _refuse_errors(response, url)
                body = await _body(response, url, limits.max_bytes)
                return Fetched(body, response.headers.get("content-type", ""), str(target))
            target = target.join(response.headers["location"])
        finally:
            await response.aclose()
    raise UrlRefused(
        f"{url} redirects more than {limits.max_redirects} times.", "Give the final address."
    )


async def _send(
    client: httpx.AsyncClient, target: httpx.URL, addresses: list[str]
) -> httpx.Response:
    """Ask the first of `addresses` that accepts a connection, in the name of `target`'s host."""
    headers = _HEADERS | {"host": target.netloc.decode("ascii")}
    names = {"sni_hostname": target.raw_host.decode("ascii")}  # TLS verifies the name, too
    for rest, address in enumerate(addresses, start=1 - len(addresses)):
        request = client.build_request(
            "GET", target.copy_with(host=address), headers=headers, extensions=names
        )
        try:
            return await client.send(request, stream=True)
        except httpx.ConnectError:
            if rest == 0:
                raise
    raise httpx.ConnectError("the name has no address")


async def _checked_addresses(target: httpx.URL, url: str, *, allow_private: bool) -> list[str]:
    if target.scheme not in {"http", "https"} or not target.host:
        raise UrlRefused(
            f"{url} leads to {str(target)[:100]}, which is no http or https address.",
            "Give a web address, or a path for a file.",
        )
    port = target.port or {"http": 80, "https": 443}[target.scheme]
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(
        target.raw_host.decode("ascii"), port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP
    )
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    private = [address for address in addresses if not is_public(address)]
    if private and not allow_private:
        raise UrlRefused(
            f"{url} leads to {target.host}, whose address {private[0]} is private.",
            "Save the page and give the file, or allow private addresses with"
            " GRISTMILL_EXTRACTOR_ALLOW_PRIVATE_URLS=true.",
        )
    return addresses


def is_public(address: str) -> bool:
    """Tell whether an IP address belongs to the public internet, also when wrapped in IPv6."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        wrapped = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if ip in _NAT64:
            wrapped = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if wrapped is not None:
            return is_public(str(wrapped))
    return ip.is_global and not (ip.is_multicast or ip.is_reserved)


def _refuse_errors(response: httpx.Response, url: str) -> None:
    status = response.status_code
    if status in _TRY_AGAIN or status >= httpx.codes.INTERNAL_SERVER_ERROR:
        raise UrlUnreachable(
            f"{url} answers {status} {response.reason_phrase}.", "Try again later."
        )
    if not response.is_success:
        raise UrlRefused(
            f"{url} answers {status} {response.reason_phrase}.",
            "Check the address; save the page from a browser if it needs a login.",
        )


async def _body(response: httpx.Response, url: str, limit: int) -> bytes:
    body = bytearray()
    announced = response.headers.get("content-length", "")
    if not (announced.isdigit() and int(announced) > limit):
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > limit:
                break
        else:
            return bytes(body)
    raise DocumentTooLarge(
        f"{url} has more than {limit:,} bytes.", "Give a smaller document, or raise the limit."
    )
