"""A polite HTTPS client: one request at a time, with an honest User-Agent, counted and limited."""

from __future__ import annotations

import ssl
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from importlib.metadata import version
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

import urllib3

from bankadvisor_etl import __version__
from bankadvisor_etl.fetch import tls
from bankadvisor_etl.fetch.errors import MissingError, NotTheFileError, UnreachableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

USER_AGENT = f"bankadvisor-etl/{__version__} python-urllib3/{version('urllib3')}"
BLOCK = 64 * 1024
MAX_REDIRECTS = 3
MAX_WAIT = 120.0
"""Seconds; a server that asks for more is not asked again until the next run."""

_MOVED = frozenset({301, 302, 303, 307, 308})
_USABLE = frozenset({200, 206, 304, 416})
_LATER = frozenset({408, 425, 429, 500, 502, 503, 504})
_GONE = frozenset({404, 410})


@dataclass
class Answer:
    """A server's answer whose body has not been read yet; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    response: urllib3.BaseHTTPResponse

    def blocks(self) -> Iterator[bytes]:
        """The body as it arrives.

        Raises:
            UnreachableError: it broke off before its end.
        """
        try:
            # read1, not read: what arrived before a broken connection is kept.
            while block := self.response.read1(BLOCK, decode_content=False):
                yield block
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise UnreachableError(f"the connection broke off: {_reason(error)}") from error


@dataclass
class Client:
    """Asks servers for files.

    Attributes:
        timeout: seconds without a byte until a server counts as hanging.
        retries: consecutive failures without progress before a server is given up.
        sleep: how it waits; tests replace it.
        requests: how many it has sent.
    """

    timeout: float
    retries: int
    context: ssl.SSLContext = field(default_factory=tls.make_context)
    sleep: Callable[[float], None] = time.sleep
    requests: int = 0
    issuers: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Open no connection yet."""
        self._pool = urllib3.PoolManager(
            num_pools=2,
            maxsize=1,
            block=True,
            retries=False,
            timeout=urllib3.Timeout(connect=self.timeout, read=self.timeout),
            ssl_context=self.context,
        )

    @contextmanager
    def get(self, url: str, headers: Mapping[str, str]) -> Iterator[Answer]:
        """One GET; only redirects within the same server are followed.

        Raises:
            UnreachableError: no answer, or one that asks to retry later.
            MissingError: the server has no such file.
            NotTheFileError: any other answer without the file.
        """
        response = self._follow(url, dict(headers))
        try:
            yield _accept(response, url)
        except BaseException:
            response.close()  # the rest of the body is not needed
            raise
        finally:
            # A connection with an unread body cannot be reused.
            if response.length_remaining == 0:
                response.drain_conn()  # http.client needs its end read, even for a 304
            else:
                response.close()
            response.release_conn()

    def _follow(self, url: str, headers: dict[str, str]) -> urllib3.BaseHTTPResponse:
        at = url
        for _ in range(MAX_REDIRECTS + 1):
            response = self._send(at, headers)
            if response.status not in _MOVED:
                return response
            response.close()
            target = urljoin(at, response.headers.get("location", ""))
            if _origin(target) != _origin(url):
                raise NotTheFileError(f"{url}: redirects to another server, {_shown(target)}; not followed")
            at = target
        raise NotTheFileError(f"{url}: redirects more than {MAX_REDIRECTS} times")

    def _send(self, url: str, headers: dict[str, str]) -> urllib3.BaseHTTPResponse:
        host = urlsplit(url).netloc
        try:
            return self._request(url, headers)
        except UnreachableError as error:
            if not _lacks_issuer(error.__cause__) or host in self.issuers:
                raise
            self._complete_chain(url, error)
        return self._request(url, headers)

    def _request(self, url: str, headers: dict[str, str]) -> urllib3.BaseHTTPResponse:
        self.requests += 1
        fixed = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity", "Accept": "*/*"}
        try:
            return self._pool.request("GET", url, headers=fixed | headers, preload_content=False, redirect=False)
        except urllib3.exceptions.SSLError as error:
            verification = _verification(error)
            raise UnreachableError(
                f"{url}: no secure connection: {verification or error}", permanent=verification is not None
            ) from (verification or error)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise UnreachableError(f"{url}: no answer: {_reason(error)}") from error

    def _complete_chain(self, url: str, failed: UnreachableError) -> None:
        parts = urlsplit(url)
        try:
            self.issuers[parts.netloc] = tls.add_issuer(
                self.context, parts.hostname or "", parts.port or 443, self.timeout
            )
        except tls.IssuerError as error:
            raise UnreachableError(f"{failed}; {error}", permanent=True) from error


def _accept(response: urllib3.BaseHTTPResponse, url: str) -> Answer:
    headers = {name.lower(): value for name, value in response.headers.items()}
    status = response.status
    if status in _LATER:
        wait = retry_after(headers.get("retry-after", ""), time.time())
        raise UnreachableError(f"{url}: the server answers {_named(status)}", retry_after=wait)
    if status in _GONE:
        raise MissingError(f"{url}: the server answers {_named(status)}")
    if status not in _USABLE:
        raise NotTheFileError(f"{url}: the server answers {_named(status)}")
    if headers.get("content-encoding", "identity").strip().lower() not in {"", "identity"}:
        raise NotTheFileError(
            f"{url}: comes with Content-Encoding {headers['content-encoding']}, which was not asked for"
        )
    return Answer(status, headers, response)


def retry_after(value: str, now: float) -> float | None:
    """Seconds that a Retry-After header asks for, as a number or a date; None if it has neither."""
    value = value.strip()
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - now)
    except (ValueError, OverflowError):
        return None


def _named(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def _origin(url: str) -> tuple[str, str, int]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or 443


def _shown(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname or ''}"


def _verification(error: BaseException) -> ssl.SSLCertVerificationError | None:
    seen = [error, *error.args, error.__cause__, error.__context__]
    return next((cause for cause in seen if isinstance(cause, ssl.SSLCertVerificationError)), None)


def _lacks_issuer(error: BaseException | None) -> bool:
    return isinstance(error, ssl.SSLCertVerificationError) and error.verify_code in tls.NO_ISSUER


def _reason(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
