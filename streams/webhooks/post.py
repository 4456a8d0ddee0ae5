"""How is one request made? Signed anew, without following redirects, and ended in time."""

import time

import aiohttp
import structlog

from streams.webhooks.address import hushed, shown
from streams.webhooks.answers import Answer, answered
from streams.webhooks.parcel import CONTENT_TYPE, Parcel
from streams.webhooks.signature import signed
from streams.webhooks.targets import Addressed

log = structlog.get_logger()

# Of what a receiver says about a refusal; more would only fill the dead letters.
_WORDS_MAX = 200


class Poster:
    """Posts to one target. The session is the caller's to close."""

    def __init__(self, addressed: Addressed) -> None:
        self._name, self._url, self._keys = addressed.name, addressed.target.url, addressed.keys
        timeout_s = addressed.target.timeout_s
        self.session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=addressed.target.in_flight_max),
            # Who does not take a connection has not got the request: that is told apart.
            timeout=aiohttp.ClientTimeout(total=timeout_s, sock_connect=timeout_s / 2),
            headers={"User-Agent": "ebbtide-webhooks", "Content-Type": CONTENT_TYPE},
            # Receivers have no business to remember us.
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    async def __call__(self, parcel: Parcel) -> Answer:
        """Make one request."""
        body, timestamp = parcel.body(), int(time.time())
        headers = {
            "webhook-id": parcel.id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": signed(self._keys, parcel.id, timestamp, body),
        }
        try:
            request = self.session.post(
                self._url, data=body, headers=headers, allow_redirects=False
            )
            async with request as response:
                words = "" if response.ok else await self._words(response)
                return answered(response.status, words, response.headers.get("Retry-After"))
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            return Answer(0, "unreachable", f"no connection: {self._told(error)}")
        except TimeoutError:
            return Answer(0, "timeout", "no answer in time")
        except (aiohttp.InvalidURL, UnicodeError) as error:
            return self._unusable(error)
        except (aiohttp.ClientError, OSError) as error:
            return Answer(0, "broken", f"the connection broke: {self._told(error)}")

    def _unusable(self, error: Exception) -> Answer:
        """A url that the check of the file let pass. Nothing has left this machine."""
        detail = f"its url cannot be used: {type(error).__name__}"
        log.error("webhook_url_unusable", target=self._name, url=shown(self._url), error=detail)
        return Answer(0, "unreachable", detail)

    async def _words(self, response: aiohttp.ClientResponse) -> str:
        """The beginning of what it says. Read further than that, lest half a secret is left."""
        beginning = await response.content.read(_WORDS_MAX + len(self._url))
        text = " ".join(beginning.decode("utf-8", "replace").split())
        return hushed(self._url, text)[:_WORDS_MAX]

    def _told(self, error: Exception) -> str:
        # The text of a ClientResponseError holds the url.
        text = error.message if isinstance(error, aiohttp.ClientResponseError) else str(error)
        return hushed(self._url, text) or type(error).__name__
