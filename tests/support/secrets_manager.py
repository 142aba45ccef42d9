"""Secrets Manager in memory, as its API reference says, and writers that take turns at it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from threading import Condition, Thread
from typing import Any

from botocore.exceptions import ClientError

CURRENT, PREVIOUS = "AWSCURRENT", "AWSPREVIOUS"
SECRET = "balance-watch/accounts"


class Died(BaseException):
    """The end of a writer's process."""


@dataclass
class FakeSecretsManager:
    """One secret, whose versions have labels; each label is at one version at most."""

    versions: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    exists: bool = False

    @property
    def text(self) -> str:
        """The text in force."""
        return self.versions[self.labels[CURRENT]]

    def put(self, text: str) -> None:
        """Puts a text in force whatever was there, as the console does."""
        self.exists = True
        self.put_secret_value(
            SecretString=text, ClientRequestToken=f"by hand {len(self.versions)}", VersionStages=[]
        )

    def get_secret_value(self, *, VersionStage: str, **_: str) -> dict[str, str]:  # noqa: N803
        """Returns the version at a label."""
        if VersionStage not in self.labels:
            raise self._error("ResourceNotFoundException", "GetSecretValue")
        version = self.labels[VersionStage]
        return {"VersionId": version, "SecretString": self.versions[version]}

    def create_secret(self, *, SecretString: str, **_: str) -> None:  # noqa: N803
        """Makes the secret."""
        if self.exists:
            raise self._error("ResourceExistsException", "CreateSecret")
        self.exists = True
        self.versions["first"] = SecretString
        self.labels[CURRENT] = "first"

    def put_secret_value(
        self,
        *,
        SecretString: str,  # noqa: N803
        ClientRequestToken: str,  # noqa: N803
        VersionStages: Sequence[str],  # noqa: N803
        **_: str,
    ) -> dict[str, list[str]]:
        """Stores a version; the first one of a secret is in force, and one without labels."""
        if not self.exists:
            raise self._error("ResourceNotFoundException", "PutSecretValue")
        self.versions[ClientRequestToken] = SecretString
        self.labels |= dict.fromkeys(VersionStages, ClientRequestToken)
        if not VersionStages or CURRENT not in self.labels:
            self._put_in_force(ClientRequestToken)
        return {"VersionStages": [it for it, at in self.labels.items() if at == ClientRequestToken]}

    def update_secret_version_stage(
        self,
        *,
        VersionStage: str,  # noqa: N803
        RemoveFromVersionId: str,  # noqa: N803
        MoveToVersionId: str | None = None,  # noqa: N803
        **_: str,
    ) -> None:
        """Moves a label from the version that has it, or takes it off."""
        if self.labels.get(VersionStage) != RemoveFromVersionId:
            raise self._error("InvalidParameterException", "UpdateSecretVersionStage")
        if MoveToVersionId is None:
            del self.labels[VersionStage]
        elif VersionStage == CURRENT:
            self._put_in_force(MoveToVersionId)
        else:
            self.labels[VersionStage] = MoveToVersionId

    def _put_in_force(self, version: str) -> None:
        if CURRENT in self.labels:
            self.labels[PREVIOUS] = self.labels[CURRENT]
        self.labels[CURRENT] = version

    @staticmethod
    def _error(code: str, operation: str) -> ClientError:
        return ClientError({"Error": {"Code": code, "Message": ""}}, operation)


Step = Callable[[], Any]
Writer = Callable[["Client"], None]


@dataclass
class Client:
    """Calls a fake when it is the writer's turn.

    Attributes:
        fake: the fake.
        wait: returns once it is the writer's turn.
        dies_before: the writer dies instead of its call of this number, counted from 0.
        dies_after: the writer dies after it.
        repeats: the answer to a move of AWSCURRENT is lost once, and boto3 repeats it.
    """

    fake: FakeSecretsManager
    wait: Callable[[], None] = lambda: None
    dies_before: int | None = None
    dies_after: int | None = None
    repeats: bool = False
    calls: int = 0

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        def call(**words: Any) -> Any:  # noqa: ANN401 (the words of any operation)
            number, self.calls = self.calls, self.calls + 1
            self.wait()
            if number == self.dies_before:
                raise Died
            answer = getattr(self.fake, operation)(**words)
            if number == self.dies_after:
                raise Died
            if self.repeats and words.get("VersionStage") == CURRENT and "MoveToVersionId" in words:
                self.repeats = False
                self.wait()
                return getattr(self.fake, operation)(**words)
            return answer

        return call


class Turns:
    """Lets writers make one call after the other, in an order of one's own.

    Each writer runs in a thread of its own, and no two run at once.
    """

    def __init__(self) -> None:
        self._condition = Condition()
        self._turn: int | None = None
        self._waiting = set[int]()
        self._ended = set[int]()
        self.errors: dict[int, BaseException] = {}

    def waiter(self, number: int) -> Callable[[], None]:
        """Returns what waits for the turn of a writer."""

        def wait() -> None:
            with self._condition:
                self._waiting.add(number)
                self._condition.notify_all()
                self._condition.wait_for(lambda: self._turn == number)
                self._waiting.discard(number)
                self._turn = None

        return wait

    def run(self, writers: Sequence[Step], choose: Callable[[list[int]], int]) -> None:
        """Runs writers to their end; `choose` returns which of those that can go on does.

        What a writer raises is in `errors`, by its number.
        """
        threads = [
            Thread(target=self._write, args=(number, step), daemon=True)
            for number, step in enumerate(writers)
        ]
        for thread in threads:
            thread.start()
        everybody = set(range(len(writers)))
        while True:
            with self._condition:
                self._condition.wait_for(
                    lambda: self._turn is None and self._waiting | self._ended == everybody
                )
                if self._ended == everybody:
                    break
                self._turn = choose(sorted(self._waiting))
                self._waiting.discard(self._turn)
                self._condition.notify_all()
        for thread in threads:
            thread.join()

    def _write(self, number: int, step: Step) -> None:
        try:
            step()
        except BaseException as error:  # noqa: BLE001 (the test looks at it)
            self.errors[number] = error
        with self._condition:
            self._ended.add(number)
            self._condition.notify_all()


def every_order(run: Callable[[Callable[[list[int]], int]], None]) -> Iterator[tuple[int, ...]]:
    """Runs something once in every order of its turns, and yields each order when it has run.

    Args:
        run: is given what chooses the next one of those that can go on.
    """
    open_: list[tuple[int, ...]] = [()]
    while open_:
        prefix = open_.pop()
        taken = list[int]()

        def choose(able: list[int], prefix: tuple[int, ...] = prefix) -> int:
            at = len(taken)  # noqa: B023 (it is called in this round alone)
            if at < len(prefix):
                taken.append(prefix[at])  # noqa: B023
            else:
                open_.extend((*taken, other) for other in able[1:])  # noqa: B023
                taken.append(able[0])  # noqa: B023
            return taken[-1]  # noqa: B023

        run(choose)
        yield tuple(taken)
