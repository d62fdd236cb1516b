"""Fetching, against servers of the test's own on the loopback address."""

import asyncio
import gzip
import socket
import time

import pytest

from services.extractor.fetch import FetchLimits, fetch, is_public
from shared.errors import DocumentTooLarge, UrlRefused, UrlUnreachable


class Server:
    """A web server that gives prepared answers by path, and counts what it is asked."""

    def __init__(self):
        self.answers = {}
        self.asked = []

    async def __aenter__(self):
        self.server = await asyncio.start_server(self.answer, "127.0.0.1", 0)
        port = self.server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        return self

    async def __aexit__(self, *_):
        self.server.close()

    async def answer(self, reader, writer):
        request = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.asked.append(request)
        for part in self.answers[request.split()[1]]:
            if isinstance(part, float):
                await asyncio.sleep(part)
            else:
                writer.write(part)
        try:
            await writer.drain()
        finally:
            writer.close()


def answer(status="200 OK", body=b"", **headers):
    lines = [f"HTTP/1.1 {status}", "connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return ["\r\n".join([*lines, "", ""]).encode() + body]


@pytest.fixture
async def server():
    async with Server() as server:
        yield server


async def test_a_page_comes_with_its_content_type_and_final_address(server):
    server.answers["/old"] = answer("302 Found", location="/new")
    server.answers["/new"] = answer(body=b"<p>hello", content_type="text/html; charset=utf-8")
    fetched = await fetch(f"{server.url}/old", allow_private=True)
    assert fetched.body == b"<p>hello"
    assert fetched.media_type == "text/html; charset=utf-8"
    assert fetched.url == f"{server.url}/new"


async def test_the_host_is_asked_for_by_its_name(server):
    server.answers["/a"] = answer(body=b"x")
    url = server.url.replace("127.0.0.1", "localhost")
    assert (await fetch(f"{url}/a", allow_private=True)).url == f"{url}/a"
    assert f"host: {url.removeprefix('http://')}" in server.asked[0].lower()


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "[::1]",
        "10.0.0.1",
        "169.254.169.254",
        "0.0.0.0",
        "192.168.1.1",
        "[::ffff:127.0.0.1]",
        "2130706433",
        "0x7f.1",
    ],
)
async def test_private_addresses_are_refused_before_anything_is_sent(host):
    with pytest.raises(UrlRefused, match="private") as caught:
        await fetch(f"http://{host}:9/secret")
    assert host in caught.value.message


async def test_a_redirect_to_a_private_address_is_refused(server, monkeypatch):
    server.answers["/out"] = answer("302 Found", location="http://10.1.2.3/admin")
    monkeypatch.setattr(
        "services.extractor.fetch.is_public", lambda address: not address.startswith("10.")
    )
    with pytest.raises(UrlRefused, match=r"10\.1\.2\.3"):
        await fetch(f"{server.url}/out")


async def test_a_name_that_changes_its_address_is_not_asked_again(server, monkeypatch):
    server.answers["/a"] = answer(body=b"x")
    port = int(server.url.rpartition(":")[2])
    lookups = []

    async def changing(_self, host, port, **_):
        lookups.append(host)
        address = "127.0.0.1" if len(lookups) == 1 else "10.9.9.9"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    loop = type(asyncio.get_running_loop())
    monkeypatch.setattr(loop, "getaddrinfo", changing)
    fetched = await fetch(f"http://rebinding.example:{port}/a", allow_private=True)
    assert fetched.body == b"x"
    assert lookups == ["rebinding.example", "127.0.0.1"][: len(lookups)]


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://mill.example/a", "http://", "https:///a"]
)
async def test_other_schemes_and_addresses_without_a_host_are_refused(url):
    with pytest.raises(UrlRefused):
        await fetch(url)


async def test_a_redirect_to_a_file_is_refused(server):
    server.answers["/a"] = answer("302 Found", location="file:///etc/passwd")
    with pytest.raises(UrlRefused):
        await fetch(f"{server.url}/a", allow_private=True)


async def test_endless_redirects_are_refused(server):
    server.answers["/a"] = answer("302 Found", location="/a")
    with pytest.raises(UrlRefused, match="redirects"):
        await fetch(f"{server.url}/a", allow_private=True)
    assert len(server.asked) == 6


@pytest.mark.parametrize("status", ["404 Not Found", "403 Forbidden", "401 Unauthorized"])
async def test_a_refusing_server_is_final(server, status):
    server.answers["/a"] = answer(status)
    with pytest.raises(UrlRefused, match=status.split()[0]) as caught:
        await fetch(f"{server.url}/a", allow_private=True)
    assert not caught.value.retryable


@pytest.mark.parametrize("status", ["500 Oops", "503 Busy", "429 Slow Down"])
async def test_a_busy_server_is_worth_another_try(server, status):
    server.answers["/a"] = answer(status)
    with pytest.raises(UrlUnreachable) as caught:
        await fetch(f"{server.url}/a", allow_private=True)
    assert caught.value.retryable


@pytest.mark.parametrize("parts", [[2.0], [*answer(content_length=9), b"x", 0.1, b"x", 2.0, b"x"]])
async def test_a_url_that_times_out_is_given_up_in_time(server, parts):
    server.answers["/slow"] = parts
    began = time.perf_counter()
    with pytest.raises(UrlUnreachable, match="/slow did not answer within"):
        await fetch(f"{server.url}/slow", limits=FetchLimits(seconds=0.3), allow_private=True)
    assert time.perf_counter() - began < 1.5


async def test_a_closed_port_is_worth_another_try():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/"
        with pytest.raises(UrlUnreachable):
            await fetch(url, allow_private=True)


@pytest.mark.parametrize("packed", [False, True])
async def test_a_body_over_the_limit_is_given_up_while_it_comes(server, packed):
    body = b"a" * 500_000
    if packed:
        server.answers["/big"] = answer(body=gzip.compress(body), content_encoding="gzip")
    else:
        server.answers["/big"] = answer(body=body)
    with pytest.raises(DocumentTooLarge, match="/big"):
        await fetch(f"{server.url}/big", limits=FetchLimits(max_bytes=10_000), allow_private=True)


async def test_an_announced_size_over_the_limit_is_not_even_read(server):
    server.answers["/big"] = answer(content_length=10**12)
    with pytest.raises(DocumentTooLarge):
        await fetch(f"{server.url}/big", allow_private=True)


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.215.14", True),
        ("2606:2800:21f:cb07:6820:80da:af6b:8b2c", True),
        ("100.64.0.1", False),
        ("224.0.0.1", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("::ffff:10.0.0.1", False),
        ("64:ff9b::7f00:1", False),
        ("2002:7f00:1::", False),
    ],
)
def test_only_addresses_of_the_internet_are_public(address, public):
    assert is_public(address) is public
