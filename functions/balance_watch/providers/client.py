"""Reads accounts and pays in, with requests to their providers."""

import random
import time
from collections.abc import Callable
from datetime import UTC, datetime
from http import HTTPStatus

from balance_watch.domain.account import Account
from balance_watch.domain.payment import PaymentOutcome
from balance_watch.domain.reading import FailureKind, ReadFailure, ReadResult
from balance_watch.providers.flow import flow_for, run_flow
from balance_watch.providers.host_pace import HostPace
from balance_watch.providers.parser import parse_top_up_reply
from balance_watch.providers.request import top_up_request
from balance_watch.providers.spec import Spec
from balance_watch.transport import Reply, Request, Transport, TransportError

ATTEMPTS = 3
ATTEMPT_SECONDS = 8.0
ACCOUNT_SECONDS = 20.0
"""The time limit of one account, for all its attempts together."""

_BACKOFF_SECONDS = 0.5
_TRANSIENT_KINDS = (FailureKind.RATE_LIMITED, FailureKind.PROVIDER_ERROR)
_CLIENT_ERRORS = range(400, 500)


class ProviderClient:
    """Sends requests to providers through a transport; tests replace clock, sleep and jitter.

    With `paced`, a 429 is not answered by a retry: whoever reads many accounts asks the host again.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = random.random,
        paced: bool = False,
    ) -> None:
        self._paced = paced
        self._transport = transport
        self._clock, self._sleep, self._jitter = clock, sleep, jitter

    def read(
        self,
        spec: Spec,
        account: Account,
        *,
        now: datetime,
        deadline: float,
        pace: HostPace | None = None,
    ) -> ReadResult:
        """Reads one balance and retries transient failures. A failure is returned, never raised.

        Args:
            spec: the provider.
            account: the account.
            now: the tick that the reading belongs to.
            deadline: the time on the clock by which reading ends.
            pace: the pace of its host: each request but the first takes a turn.
        """
        deadline = min(deadline, self._clock() + ACCOUNT_SECONDS)
        for attempt in range(ATTEMPTS):
            result, transient = self._attempt(spec, account, now, deadline, pace)
            if not isinstance(result, ReadFailure) or not transient:
                break
            pause = _BACKOFF_SECONDS * 2**attempt * (0.5 + self._jitter() / 2)
            pause = max(pause, result.retry_after or 0)
            waits = self._paced and result.kind is FailureKind.RATE_LIMITED
            if waits or attempt == ATTEMPTS - 1 or self._clock() + pause >= deadline:
                break
            if pace is not None:
                pause = max(pause, pace.turn() - self._clock())
            self._sleep(pause)
        return result

    def _attempt(
        self,
        spec: Spec,
        account: Account,
        now: datetime,
        deadline: float,
        pace: HostPace | None,
    ) -> tuple[ReadResult, bool]:
        """Tries once, with all requests in the time of one attempt; returns (result, transient).

        The pages of a year's costs have the whole time of the account.
        """
        seconds = ATTEMPT_SECONDS if spec.cost is None else ACCOUNT_SECONDS
        attempt_deadline = min(deadline, self._clock() + seconds)
        replies: list[Reply] = []

        def exchange(request: Request) -> Reply:
            if pace is not None and replies:
                self._sleep(max(0.0, min(pace.turn(), attempt_deadline) - self._clock()))
            timeout = min(ATTEMPT_SECONDS, attempt_deadline - self._clock())
            if timeout <= 0:
                raise TransportError(
                    FailureKind.TIMED_OUT, "There was no time left to send the request."
                )
            reply = self._transport.exchange(request, timeout=timeout)
            replies.append(reply)
            if pace is not None and (seconds := reply.exhausted_for) is not None:
                pace.exhausted(seconds)
            return reply

        try:
            result = run_flow(flow_for(spec, account, now, datetime.now(UTC)), exchange)
        except TransportError as error:
            return ReadFailure(error.kind, error.message), error.transient
        failed = isinstance(result, ReadFailure) and result.kind in _TRANSIENT_KINDS
        return result, failed and _is_transient(replies[-1])

    def top_up(self, spec: Spec, account: Account) -> PaymentOutcome:
        """Pays in once and never retries. The caller has to claim the payment first.

        Raises:
            LookupError: the account cannot be topped up, see `Spec.cannot_top_up`.
        """
        request = top_up_request(spec, account)
        try:
            reply = self._transport.exchange(request, timeout=ACCOUNT_SECONDS)
        except TransportError as error:
            return PaymentOutcome.UNKNOWN if error.sent else PaymentOutcome.NOT_SENT
        return parse_top_up_reply(spec, reply)


def _is_transient(reply: Reply) -> bool:
    """Tells whether a retry can help: a client error other than 429 stays the same."""
    return reply.status == HTTPStatus.TOO_MANY_REQUESTS or reply.status not in _CLIENT_ERRORS
