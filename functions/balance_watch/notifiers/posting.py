"""Posts a channel's messages over HTTP, and sorts the replies: accepted, passing or lasting.

A refusal passes if a later attempt can succeed: HTTP 408, 425, 429, 5xx, or no reply in time. Any
other 4xx lasts.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from itertools import chain
from typing import NamedTuple

from balance_watch.domain.notification import NO_TIME, Notification, SendResult, in_order
from balance_watch.transport import Reply, Request, Transport, TransportError

_ATTEMPT_SECONDS = 10.0
_CLIENT_ERRORS = range(400, 500)
_PASSING = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS)
_FIRST_PAUSE = 1.0
_CONTENT = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNPROCESSABLE_ENTITY,
)
"""The message itself may be what is rejected, so the messages beside it are tried."""

_MOST_CONTENT_ERRORS = 3
"""After so many messages that are rejected, and none that is accepted, the channel refuses all."""


class PostResult(NamedTuple):
    """The result of posting a message: `why` is empty if it was accepted.

    `is_unsure` means that it may have been accepted all the same; `is_limited`, that the service
    takes no other message for now either.
    """

    why: str = ""
    is_unsure: bool = False
    is_content_rejected: bool = False
    is_permanent: bool = False
    is_limited: bool = False


def sort_reply(name: str, status: int, *accepted: int) -> PostResult:
    """Returns the result that a status means. A 2xx that is not documented is unsure."""
    if status in accepted:
        return PostResult()
    is_content = status in _CONTENT
    return PostResult(
        f"{name} answers HTTP {status}.",
        is_unsure=HTTPStatus(200) <= status < HTTPStatus.MULTIPLE_CHOICES,
        is_content_rejected=is_content,
        is_permanent=status in _CLIENT_ERRORS and status not in _PASSING and not is_content,
    )


def retry_after(reply: Reply) -> float:
    """Returns the pause that a 429 asks for, in seconds; 0 if it names none."""
    return reply.retry_after or 0.0


@dataclass(frozen=True, slots=True)
class Posts:
    """Posts single requests to one service. Its repr shows no address."""

    name: str
    transport: Transport = field(repr=False)
    clock: Callable[[], float] = field(default=time.monotonic, repr=False)
    sleep: Callable[[float], None] = field(default=time.sleep, repr=False)

    def post(
        self,
        request: Request,
        deadline: float,
        parse: Callable[[Reply], PostResult],
        pause_of: Callable[[Reply], float] = retry_after,
    ) -> PostResult:
        """Posts a request, once more after each pause that the service demands; raises nothing.

        If a 429 names no pause, the first is a second, and each further one twice as long.

        Args:
            request: what to post.
            deadline: the time on the clock by which all attempts and pauses must end.
            parse: sorts a reply that is no 429.
            pause_of: finds the pause that a 429 asks for.
        """
        pause = _FIRST_PAUSE
        while True:
            timeout = min(_ATTEMPT_SECONDS, deadline - self.clock())
            if timeout <= 0:
                return PostResult(NO_TIME, is_limited=True)
            try:
                reply = self.transport.exchange(request, timeout=timeout)
            except TransportError as error:
                return PostResult(error.message, is_unsure=error.sent)
            if reply.status != HTTPStatus.TOO_MANY_REQUESTS:
                return parse(reply)
            if not self.wait(pause_of(reply) or pause, deadline):
                why = f"{self.name} answers HTTP 429, and its pause exceeds the time left."
                return PostResult(why, is_limited=True)
            pause *= 2

    def wait(self, pause: float, deadline: float) -> bool:
        """Waits; returns False at once if the pause does not end before the deadline."""
        if self.clock() + pause >= deadline:
            return False
        self.sleep(pause)
        return True


Message = tuple[tuple[Notification, ...], Request | None]
"""The notifications in a message, and its request; None if there is nothing to send for them."""


@dataclass(frozen=True, slots=True)
class Service:
    """What a kind of channel knows of its service. The address is in `render`: no repr shows it.

    Attributes:
        name: what people call the service.
        render: renders notifications as messages, in their order.
        parse: sorts a reply that is no 429.
        pause_of: finds the pause that a 429 asks for.
        rest_of: finds how long to wait before the next message, after one that was accepted.
    """

    name: str
    render: Callable[[Sequence[Notification]], Iterator[Message]] = field(repr=False)
    parse: Callable[[Reply], PostResult] = field(repr=False)
    pause_of: Callable[[Reply], float] = field(default=retry_after, repr=False)
    rest_of: Callable[[Reply], float] = field(default=lambda _: 0.0, repr=False)


@dataclass(slots=True)
class _Turn:
    """Posts messages one after another, as the service's rate limit allows.

    Attributes:
        limited: set once the service takes no more messages before the deadline.
        rest: how long to wait before the next message.
    """

    service: Service
    posts: Posts
    deadline: float
    limited: PostResult | None = None
    rest: float = 0.0

    def post(self, request: Request) -> PostResult:
        if self.rest and not self.posts.wait(self.rest, self.deadline):
            why = f"The rate limit of {self.service.name} leaves no time to send."
            self.limited = PostResult(why, is_limited=True)
        self.rest = 0.0
        if self.limited is not None:
            return self.limited
        result = self.posts.post(request, self.deadline, self._parse, self.service.pause_of)
        self.limited = result if result.is_limited else None
        return result

    def _parse(self, reply: Reply) -> PostResult:
        self.rest = self.service.rest_of(reply)
        return self.service.parse(reply)


@dataclass(frozen=True, slots=True)
class PostingChannel:
    """A channel that posts messages to a service."""

    service: Service
    transport: Transport = field(repr=False)
    clock: Callable[[], float] = field(default=time.monotonic, repr=False)
    sleep: Callable[[float], None] = field(default=time.sleep, repr=False)

    def send(
        self, notifications: Sequence[Notification], *, deadline: float
    ) -> Iterator[SendResult]:
        """Sends everything and yields after each message, except those whose content is rejected.

        Raises nothing. A message whose content is rejected must not keep back those beside it, so
        its result comes last: it is permanent if the service has accepted no other message.
        """
        service = self.service
        turn = _Turn(service, Posts(service.name, self.transport, self.clock, self.sleep), deadline)
        # Rendered one by one, because a signature holds the time at which it is made.
        messages = service.render(sorted(notifications, key=in_order))
        refused: list[tuple[tuple[Notification, ...], PostResult]] = []
        takes = False
        while takes or len(refused) < _MOST_CONTENT_ERRORS:
            group, request = next(messages, ((), None))
            if not group:
                break
            if request is None:
                yield SendResult(accepted=group, unsent=True)
                continue
            result = turn.post(request)
            if not result.why:
                takes = True
                yield SendResult(accepted=group)
            elif not result.is_content_rejected:
                if turn.limited is not None:
                    group += tuple(it for left, _ in messages for it in left)
                yield SendResult((), group, result.why, result.is_permanent, result.is_unsure)
            elif len(group) > 1:
                half = len(group) // 2
                halves = service.render(group[:half]), service.render(group[half:])
                messages = chain(*halves, messages)
            else:
                refused.append((group, result))
        refused += [(group, refused[-1][1]) for group, _ in messages]
        for group, result in refused:
            yield SendResult((), group, result.why, permanent=not takes)
