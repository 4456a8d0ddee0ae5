"""Urls: one that cannot be posted to stops the start, and what stands behind the host is shown nowhere."""

import asyncio
from typing import Any

import aiohttp
import pytest
from structlog.testing import capture_logs
from webhook_parcels import parcel

from streams.webhooks.address import hushed, shown, wrong_url
from streams.webhooks.answers import Answer
from streams.webhooks.post import Poster
from streams.webhooks.targets import Addressed, Target

WANTED = "https://host/path is wanted"
URLS = {
    "https://mail.example.com/hook": "",
    "https://mail.example.com:8443/hook?shop=7": "",
    "https://MAIL.example.com./": "",
    "https://7shop.example/": "",
    "https://mail/": "",
    "https://müller.example/": "",
    f"https://{'a' * 63}.example/": "",
    "https://192.0.2.7/": "",
    "https://[2001:db8::7]:8443/": "",
    "http://127.0.0.1:8080/": "",
    "http://[::1]:8080/": "",
    "http://localhost/": "",
    "http://mail.example.com/": "only https",
    "http://127.0.0.1.example.com/": "only https",
    "ftp://mail.example.com/": WANTED,
    "mail.example.com": WANTED,
    "https://": WANTED,
    "https:/x": WANTED,
    "https://[::1": WANTED,
    "https://mail.example.com:port/": WANTED,
    "https://mail.example.com:0/": WANTED,
    "http://127.0.0.1:99999/": WANTED,
    "https://h\\@evil.example/": WANTED,
    "https://ann:hush@mail.example.com/": "a name or a password in it",
    "https://a..b/x": "its host is 'a..b'",
    "https://.example.com/": "its host is '.example.com'",
    f"https://{'a' * 70}.example/": "its host is",
    f"https://{'a.' * 127}example/": "its host is",
    "https://-mail.example/": "its host is",
    "https://mail_1.example/": "its host is",
    "https://a%2eb.example/": "its host is",
    "https://127.1/": "its host is",
    "https://10.0.0.256/": "its host is",
    "https://[fe80::1%25eth0]/": "its host is",
    "https://exa mple.com/": "no spaces",
    "https://ex\u2028ample/": "no spaces",
    "http://localhost:1/\x00": "no spaces",
    "https://héllo..com/": "its host cannot be written as IDNA",
    f"https://{'é' * 70}.example/": "its host cannot be written as IDNA",
}


@pytest.mark.parametrize(("url", "mistake"), URLS.items(), ids=ascii)
def test_a_url_leads_to_a_host_that_there_can_be_by_https_or_to_this_machine(
    url: str, mistake: str
) -> None:
    problem = wrong_url(url, insecure=False)
    assert problem.startswith(mistake) if mistake != "only https" else mistake in problem
    assert bool(problem) == bool(mistake)
    assert "hush" not in problem + shown(url)
    if "host" in mistake and mistake != WANTED:
        assert "allowed are localhost, an IP address, or a name of labels" in problem


@pytest.mark.parametrize(
    ("url", "public"),
    [
        ("https://x.example/hush", "https://x.example"),
        ("https://x.example:8443/?key=hush#hush", "https://x.example:8443"),
        ("http://[::1]:8080/hush", "http://[::1]:8080"),
        ("https://x.example/@hush", "https://x.example"),
        ("x.example/hush", "x.example"),
        ("https://x.example:port/hush", "https://x.example:port"),
        ("https://ann:hu/sh@x.example:port/", "…"),
    ],
)
def test_of_a_url_scheme_host_and_port_are_shown(url: str, public: str) -> None:
    assert shown(url) == public


SECRET = "https://x.example/services/T0/hush-hush?key=hush%2Bhush&v=1"


@pytest.mark.parametrize(
    ("words", "left"),
    [
        ("Cannot POST /services/T0/hush-hush?key=hush%2Bhush&v=1", "Cannot POST …"),
        ("no hook hush-hush here", "no hook … here"),
        ("the key hush+hush is old", "the key … is old"),
        ("no such person", "no such person"),
    ],
)
def test_what_a_receiver_quotes_of_our_url_is_taken_out(words: str, left: str) -> None:
    assert hushed(SECRET, words) == left


def test_a_short_path_is_no_secret() -> None:
    assert hushed("https://x.example/hook", "Cannot POST /hook") == "Cannot POST /hook"


def posted(url: str, raises: Exception | None = None) -> tuple[Answer, list[Any]]:
    """What becomes of one request. raises: what aiohttp runs into."""

    async def story() -> Answer:
        poster = Poster(Addressed("x", Target(url=url), (b"k" * 24,)))
        try:
            if raises is not None:
                poster.session._request = broken  # type: ignore[method-assign]
            return await poster(parcel())
        finally:
            await poster.session.close()

    async def broken(*_: Any, **__: Any) -> Any:
        raise raises or AssertionError

    with capture_logs() as logs:
        return asyncio.run(story()), logs


@pytest.mark.parametrize("url", ["https://h\u00e9llo..com/hush", "https://ex\u2028ample/hush"])
def test_a_url_that_cannot_be_used_is_an_answer_and_no_crash(url: str) -> None:
    answer, logs = posted(url)
    assert (answer.ending, answer.reached) == ("unreachable", False)
    assert [it["log_level"] for it in logs] == ["error"]
    assert "hush" not in f"{answer} {logs}"


def test_an_error_that_quotes_the_url_is_told_without_it() -> None:
    request: Any = aiohttp.RequestInfo(SECRET, "POST", {}, SECRET)  # type: ignore[arg-type]
    answer, _ = posted(SECRET, aiohttp.ClientResponseError(request, (), message="Bad status line"))
    assert answer == Answer(0, "broken", "the connection broke: Bad status line")
    answer, _ = posted(SECRET, aiohttp.ClientError(f"no luck at {SECRET}"))
    assert answer.detail == "the connection broke: no luck at https://x.example…"
