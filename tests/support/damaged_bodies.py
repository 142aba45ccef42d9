"""Hypothesis strategies for bodies of replies: documented ones with damage, and random JSON."""

import re
from collections.abc import Sequence

from hypothesis import strategies as st

from tests.support.provider_reads import spec_of
from tests.support.samples import Sample, good_samples, on_the_wire

_LITERAL = re.compile(rb'(?<=[:>\s,\[])(?:-?\d[\d.eE+-]*|true|false|null|"[^"]*")(?=[,<\s}\]])')
_LITERAL_TEXTS = [
    *("NaN", "-Infinity", "1e400", "1e-400", "1e126", "9e125", "1e-130", "-0", "0", "0.0", "00"),
    *("1E2", "1e+2", "1e", "1.", ".5", "+1", "--1", "0x1", "1_0", "1,0", "\u0661", "1\u00a0"),
    *("9" * 38, "9" * 39, "9" * 5000, "0." + "1" * 38, "0." + "0" * 500 + "1", "1." + "0" * 500),
    *('"7"', '""', '"USD"', '"EUR"', '"\\ud83d"', "null", "true", "false", "[]", "{}", "[7]"),
    *("7,7", "7}", '7,"balance":8', "7</value><value>8", "<value>7</value>", "<!---->", "&lt;", ""),
]
_LITERALS = (
    st.sampled_from(_LITERAL_TEXTS) | st.decimals(allow_nan=False, allow_infinity=False).map(str)
).map(str.encode)

_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.decimals(allow_nan=False, allow_infinity=False)
    | st.text(max_size=6)
)


def bodies(slug: str) -> st.SearchStrategy[bytes]:
    """Returns a provider's documented replies with damage, and random JSON."""
    own = [_last(sample) for sample in good_samples() if sample.slug == slug]
    real = st.sampled_from(own)
    other = st.sampled_from([_last(sample) for sample in good_samples()])
    places = st.integers(0, 400)
    rewritten = st.builds(_rewritten, real, st.integers(0, 50), _LITERALS)
    wrong = st.one_of(
        st.builds(_cut, real, places, places),
        st.builds(_flipped, real, _flips(8)),
        st.builds(_flipped, rewritten, _flips(2)),
        st.builds(_spliced, real, other, places, places),
        _json_with_names_of(slug),
    )
    return rewritten | wrong


def _last(sample: Sample) -> bytes:
    """Returns the last body, which has the balance even if a provider takes several requests."""
    return on_the_wire(sample.bodies[-1])


def _json_with_names_of(slug: str) -> st.SearchStrategy[bytes]:
    cost, reply = spec_of(slug).cost, spec_of(slug).reply
    paths, sums = (reply, reply.balance.sums) if cost is None else (cost, cost.amount.sums)
    values = [getattr(paths, name) for name in paths.__struct_fields__]
    values += [path for amounts in sums for path in (*amounts.plus, *amounts.less)]
    texts = [path for path in values if isinstance(path, str)]
    words = {word for path in texts for word in re.findall(r"[\w-]+", path)}
    names = st.sampled_from(sorted(words | {"code", "error-code"}))
    json_values = st.recursive(
        _SCALARS,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4),
        max_leaves=10,
    )
    return json_values.map(lambda value: on_the_wire([value])[1:-1])


def _flips(max_size: int) -> st.SearchStrategy[list[tuple[int, int]]]:
    """Returns places and the bytes to put there, mostly bytes with a meaning in JSON and XML."""
    meaningful = st.sampled_from(list(b'0123456789-+.eE"{}[],:<>/& \n\x00\xff'))
    byte = meaningful | st.integers(0, 255)
    return st.lists(st.tuples(st.integers(0, 400), byte), min_size=1, max_size=max_size)


def _cut(body: bytes, start: int, length: int) -> bytes:
    """Cuts at the beginning in half of all cases."""
    first = start // 2 % len(body) * (start % 2)
    return body[first : first + length]


def _flipped(body: bytes, flips: Sequence[tuple[int, int]]) -> bytes:
    changed = bytearray(body)
    for place, byte in flips if body else ():
        changed[place % len(changed)] = byte
    return bytes(changed)


def _spliced(body: bytes, other: bytes, end: int, start: int) -> bytes:
    return body[: end % len(body)] + other[start % len(other) :]


def _rewritten(body: bytes, which: int, literal: bytes) -> bytes:
    """Replaces the text of one value, without parsing the body."""
    places = list(_LITERAL.finditer(body))
    if not places:
        return literal
    place = places[which % len(places)]
    return body[: place.start()] + literal + body[place.end() :]
