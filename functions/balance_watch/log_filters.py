"""Keeps keys out of the log: drops the lines of libraries that show requests or replies.

These are filters and not levels, because anybody can set another level.
"""

import logging


def install() -> None:
    """Adds the filters to the libraries' loggers; an entry point calls it before anything else."""
    for name in ("botocore.auth", "botocore.endpoint", "botocore.parsers"):
        logging.getLogger(name).addFilter(_passes_botocore)
    for name in ("urllib3.connection", "urllib3.connectionpool"):
        logging.getLogger(name).addFilter(_passes_urllib3)
    botocore = logging.getLogger("botocore")
    if botocore.level == logging.NOTSET:
        botocore.setLevel(logging.WARNING)  # INFO reports where it found credentials


def _passes_botocore(record: logging.LogRecord) -> bool:
    """Drops what botocore logs at DEBUG of a reply, or of a request that is already signed.

    The replies of Secrets Manager are the keys; a signed request holds AWS's own session token.
    """
    is_unsigned = record.name == "botocore.endpoint" and "http request" not in str(record.msg)
    return record.levelno > logging.DEBUG or is_unsigned


def _passes_urllib3(record: logging.LogRecord) -> bool:
    """Drops what urllib3 logs with a path and its query, which may hold a key.

    That is every request at DEBUG, and a warning about headers that it cannot parse.
    """
    return record.levelno > logging.DEBUG and "url" not in str(record.msg)
