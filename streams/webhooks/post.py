"""How is one request made? Signed anew, without following redirects, and ended in time."""

import time
from typing import Any

import aiohttp

from streams.webhooks.answers import Answer, answered
from streams.webhooks.parcel import CONTENT_TYPE, Parcel
from streams.webhooks.signature import signed
from streams.webhooks.targets import Addressed

# Of what a receiver says about a refusal; more would only fill the dead letters.
_WORDS_BYTES = 200


class Poster:
    """Posts to one target. The session is the caller's to close."""

    def __init__(self, addressed: Addressed) -> None:
        self._url, self._keys = addressed.target.url, addressed.keys
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
                words = "" if response.ok else await _words(response)
                return answered(response.status, words, response.headers.get("Retry-After"))
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            return Answer(0, "unreachable", f"no connection: {_told(error)}")
        except TimeoutError:
            return Answer(0, "timeout", "no answer in time")
        except (aiohttp.ClientError, OSError) as error:
            return Answer(0, "broken", f"the connection broke: {_told(error)}")


async def _words(response: Any) -> str:
    beginning: bytes = await response.content.read(_WORDS_BYTES)
    return " ".join(beginning.decode("utf-8", "replace").split())


def _told(error: BaseException) -> str:
    return str(error) or type(error).__name__
