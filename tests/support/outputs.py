"""Everything that came out of the product, by place, to be searched for keys."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from io import StringIO

from botocore.model import OperationModel

from tests.support.canaries import canary_form, puts_a_secret, record_text


class Texts(Mapping[str, str]):
    """Texts by the place where they came out. The repr hides them: pytest prints it on failure."""

    def __init__(self, **texts: str) -> None:
        self._parts = {place: [text] for place, text in texts.items()}

    def __getitem__(self, place: str) -> str:
        parts = self._parts[place]
        # Joined only when it is read: a log of megabytes grows by lines.
        parts[:] = ["\n".join(parts)]
        return parts[0]

    def __iter__(self) -> Iterator[str]:
        return iter(self._parts)

    def __len__(self) -> int:
        return len(self._parts)

    def __repr__(self) -> str:
        return f"{len(self)} places"

    def add(self, place: str, *texts: object) -> None:
        self._parts.setdefault(place, []).extend(map(str, texts))


class Outputs:
    """Everything that came out, one group of texts for each kind of place."""

    def __init__(self) -> None:
        self.log, self.items, self.topic, self.slack, self.others = (Texts() for _ in range(5))
        self.output, self.results, self.commands, self.reprs = (Texts() for _ in range(4))


def leaks(texts: Texts) -> list[str]:
    """Returns each place that shows a key, and the form of the key, but never the key."""
    assert texts
    forms = ((place, canary_form(text)) for place, text in texts.items())
    return [f"{place}: {form}" for place, form in forms if form]


class _LogRecorder(logging.Handler):
    """Adds every record to the log, and requests that publish to the topic as well."""

    def __init__(self, outputs: Outputs) -> None:
        super().__init__()
        self._outputs = outputs

    def filter(self, record: logging.LogRecord) -> bool:
        """Accepts all: Powertools makes the handlers of the root skip the function's own log."""
        del record
        return True

    def emit(self, record: logging.LogRecord) -> None:
        if puts_a_secret(record):
            return
        text = record_text(record)
        self._outputs.log.add(record.name, text)
        operation = record.args[0] if isinstance(record.args, tuple) and record.args else None
        if isinstance(operation, OperationModel) and operation.name == "PublishBatch":
            self._outputs.topic.add("a request to publish", text)


@contextmanager
def recording(outputs: Outputs) -> Iterator[None]:
    """Records the log until the `with` ends."""
    handler = _LogRecorder(outputs)
    logging.getLogger().addHandler(handler)
    yield
    logging.getLogger().removeHandler(handler)


@contextmanager
def captured() -> Iterator[StringIO]:
    """Captures both standard streams, and the log that the function writes to them."""
    output = StringIO()
    handlers = logging.getLogger("balance_watch").handlers
    streaming = [handler for handler in handlers if isinstance(handler, logging.StreamHandler)]
    before = [handler.stream for handler in streaming]
    for handler in streaming:
        handler.setStream(output)
    with redirect_stdout(output), redirect_stderr(output):
        yield output
    for handler, stream in zip(streaming, before, strict=True):
        handler.setStream(stream)
