"""Reads accounts and pays in: the one place that asks providers."""

import random
import time
from collections.abc import Callable
from datetime import UTC, datetime
from http import HTTPStatus

from balance_watch.domain.account import Account
from balance_watch.domain.payment import PaymentOutcome
from balance_watch.domain.reading import FailureKind, ReadFailure, ReadResult
from balance_watch.providers.flow import flow_for, run_flow
from balance_watch.providers.parser import outcome_word
from balance_watch.providers.request import top_up_request
from balance_watch.providers.spec import Spec
from balance_watch.transport import Reply, Request, Transport, TransportError

ATTEMPTS = 3
ATTEMPT_SECONDS = 8.0
ACCOUNT_SECONDS = 20.0
"""What one account may take in all, however often it is tried."""

_BACKOFF_SECONDS = 0.5
_PASSING = (FailureKind.RATE_LIMITED, FailureKind.PROVIDER_ERROR)


class ProviderClient:
    """Asks providers through a transport; `clock`, `sleep` and `jitter` are for tests."""

    def __init__(
        self,
        transport: Transport,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._transport = transport
        self._clock, self._sleep, self._jitter = clock, sleep, jitter

    def read(self, spec: Spec, account: Account, *, now: datetime, deadline: float) -> ReadResult:
        """Reads one balance, trying again what may pass; a failure is a value, nothing is raised.

        Args:
            spec: the provider.
            account: the account.
            now: the tick that the reading belongs to.
            deadline: when it must have ended, on the clock.
        """
        deadline = min(deadline, self._clock() + ACCOUNT_SECONDS)
        for attempt in range(ATTEMPTS):
            outcome, passing = self._attempt(spec, account, now, deadline)
            if not isinstance(outcome, ReadFailure) or not passing:
                break
            pause = _BACKOFF_SECONDS * 2**attempt * (0.5 + self._jitter() / 2)
            pause = max(pause, outcome.retry_after or 0)
            if attempt == ATTEMPTS - 1 or self._clock() + pause >= deadline:
                break
            self._sleep(pause)
        return outcome

    def _attempt(
        self, spec: Spec, account: Account, now: datetime, deadline: float
    ) -> tuple[ReadResult, bool]:
        """Asks once, all its requests within the time of one attempt."""
        ends = min(deadline, self._clock() + ATTEMPT_SECONDS)
        replies: list[Reply] = []

        def exchange(request: Request) -> Reply:
            timeout = ends - self._clock()
            if timeout <= 0:
                raise TransportError(FailureKind.TIMED_OUT, "There was no time left to ask.")
            replies.append(self._transport.exchange(request, timeout=timeout))
            return replies[-1]

        try:
            outcome = run_flow(flow_for(spec, account, now, datetime.now(UTC)), exchange)
        except TransportError as error:
            return ReadFailure(error.kind, error.message), error.passing
        failed = isinstance(outcome, ReadFailure) and outcome.kind in _PASSING
        return outcome, failed and _may_pass(replies[-1])

    def top_up(self, spec: Spec, account: Account) -> PaymentOutcome:
        """Pays in once, never twice: nothing here tries again. Claim the payment before.

        Raises:
            LookupError: the provider has no top-up, or the account lacks what it needs.
        """
        request = top_up_request(spec, account)
        try:
            reply = self._transport.exchange(request, timeout=ACCOUNT_SECONDS)
        except TransportError as error:
            return PaymentOutcome.UNKNOWN if error.sent else PaymentOutcome.NOT_SENT
        word = outcome_word(spec, reply)
        return PaymentOutcome(word) if word is not None else PaymentOutcome.UNKNOWN


def _may_pass(reply: Reply) -> bool:
    """A 4xx other than 429 will be the same in a second."""
    return reply.status == HTTPStatus.TOO_MANY_REQUESTS or not 400 <= reply.status < 500  # noqa: PLR2004
