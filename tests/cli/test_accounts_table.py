"""The table of accounts: nothing is cut off, what matters comes first, stale data look stale."""

import io
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import replace
from rich.cells import cell_len
from rich.console import Console

from balance_watch.cli.account_row import AccountRow, rows_of
from balance_watch.cli.accounts_table import accounts_table, estimates_footnote
from balance_watch.cli.terminal import sanitize
from balance_watch.domain.account import Account
from balance_watch.domain.lifecycle import Alert
from balance_watch.domain.policy import UNREADABLE
from balance_watch.domain.reading import Estimate, FailureKind, ReadFailure
from balance_watch.domain.rules import Metric, Severity
from balance_watch.domain.spending import Day
from balance_watch.domain.state import AccountState, RuleState
from balance_watch.domain.trend import Sample
from tests.support.examples import TICK, reading, state
from tests.support.strategies import states, words

HOUR = timedelta(hours=1)
FAILURE = ReadFailure(FailureKind.TIMED_OUT, "No whole reply came in time.")


def drawn(*of: AccountState, width: int = 80, provider: str = "vonage") -> list[str]:
    """Returns the lines of the table at a terminal of so many columns."""
    out = io.StringIO()
    rows = [AccountRow(it, provider) for it in of]
    Console(file=out, width=width).print(accounts_table(rows, TICK))
    return out.getvalue().splitlines()


def busy(name: str = "search-prod", balance: str = "71.5") -> AccountState:
    """An account that spends 12 a day, was read for a day, and is fine."""
    trend = tuple(
        Sample(TICK - hour * HOUR, Decimal(balance) + Decimal(hour) / 2, Decimal("0.5"), HOUR)
        for hour in range(24, -1, -1)
    )
    return replace(state(name, balance=balance), trend=trend)


def test_the_state_comes_first_then_what_people_look_at() -> None:
    line = drawn(busy(), width=120)[0]
    names = ("state", "account", "balance", "lasts", "spends", "provider", "last 24 h")
    assert line.split() == " ".join(names).split()
    assert drawn(busy(), width=120)[1].split()[:6] == [
        "ok",
        "search-prod",
        "71.50",
        "USD",
        "5",
        "d",
    ]


@pytest.mark.parametrize(
    ("width", "shown"),
    [
        (90, "account balance lasts spends provider last 24 h"),
        (68, "account balance lasts spends provider last 24 h"),
        (60, "account balance lasts spends provider"),
        (50, "account balance lasts provider"),
        (42, "account balance lasts"),
    ],
)
def test_the_plot_goes_first_then_what_is_spent_then_the_provider(width: int, shown: str) -> None:
    line = drawn(busy(), width=width)[0]
    assert " ".join(line.split()) == f"state {shown}"


def test_a_narrow_plot_has_half_of_the_bars() -> None:
    wide, narrow = (drawn(busy(), width=width)[1].split()[-1] for width in (90, 68))
    assert (len(wide), len(narrow)) == (24, 12)


def test_plots_share_one_scale_of_time() -> None:
    new = replace(busy("new"), trend=busy().trend[-3:])
    _, first, second = drawn(busy(), new, width=120)
    assert first.endswith("█" * 3)
    assert len(first) == len(second)
    assert second[-24:-3].isspace()


def test_a_long_name_is_folded_and_not_cut() -> None:
    name = "the-search-of-the-whole-shop-in-every-country-of-europe"
    lines = drawn(busy(name))
    start = lines[0].index("account")
    assert "".join(line[start : start + 32] for line in lines[1:]).replace(" ", "") == name
    assert max(map(cell_len, lines)) <= 80


names = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Zs", "Zl", "Zp"]), min_size=1, max_size=120
)


@given(st.lists(states(), min_size=1, max_size=4), st.integers(30, 160), words)
def test_nothing_is_wider_than_the_terminal(
    of: list[AccountState], width: int, provider: str
) -> None:
    assert max(map(cell_len, drawn(*of, width=width, provider=provider))) <= width


@given(names, st.sampled_from([80, 140]))
@example("\U000e0100", 80)  # has no width of its own
def test_no_character_of_a_name_is_lost(name: str, width: int) -> None:
    text = "".join("".join(drawn(busy(name), width=width)[1:]).split())
    shown = iter(text)
    assert all(char in shown for char in sanitize(name).plain)


def test_a_balance_of_the_latest_check_has_no_age() -> None:
    assert "old" not in " ".join(drawn(busy()))


def test_a_balance_that_is_not_from_the_latest_check_has_its_age_beside_it() -> None:
    late = replace(busy("late"), checked_at=TICK - 3 * HOUR, reading=reading("5", TICK - 3 * HOUR))
    lines = drawn(busy(), late)
    assert "5.00 USD  3 h old" in lines[2]
    assert "old" not in lines[1]


def test_so_has_the_balance_of_an_account_that_cannot_be_read() -> None:
    failing = replace(busy(), reading=reading("5", TICK - 40 * HOUR), failure=FAILURE)
    assert "5.00 USD  1 d old" in drawn(failing)[1]


def test_how_long_a_balance_lasts_counts_from_now_on() -> None:
    day = Day(TICK.date(), Decimal(10), 24 * HOUR)
    old = replace(state(balance="50"), days=(day,))
    out = io.StringIO()
    rows = [AccountRow(old, "vonage")]
    Console(file=out, width=80).print(accounts_table(rows, TICK + 30 * HOUR))
    assert " 3 d  " in out.getvalue()
    Console(file=out, width=80).print(accounts_table(rows, TICK + 300 * HOUR))
    assert " 0 min  " in out.getvalue()


def test_an_estimate_is_marked_and_its_source_is_told() -> None:
    estimate = Estimate(date(2026, 11, 1), Decimal(10), Decimal(100))
    read = replace(reading(), estimate=estimate, provider_time=TICK - HOUR)
    estimated = replace(busy(), reading=read)
    assert " ~71.50 USD " in drawn(estimated)[1]
    assert estimates_footnote([AccountRow(estimated, "openai")]) == (
        "~ estimated from what was paid or budgeted, less the costs as of 22 Nov 2026 09:05 UTC"
    )
    assert estimates_footnote([AccountRow(busy(), "you")]) is None


@pytest.mark.parametrize(
    ("of", "words"),
    [
        (
            replace(busy(), rules={"slow": RuleState(Metric.BALANCE, TICK, 1, firing=False)}),
            "slow pending",
        ),
        (replace(busy(), failure=FAILURE), "timed out"),
        (replace(busy(), alerts={Metric.BALANCE: Alert("low", Severity.INFO, TICK)}), "info low"),
        (
            replace(
                busy(),
                alerts={
                    Metric.BALANCE: Alert("a", Severity.CRITICAL, TICK),
                    Metric.RUNWAY: Alert("b", Severity.CRITICAL, TICK),
                    Metric.UNREADABLE: Alert(UNREADABLE, Severity.WARNING, TICK),
                },
                failure=FAILURE,
            ),
            "critical a, b, warning timed out",
        ),
        (replace(busy(), reading=None), "no limit"),
        (AccountState("new"), "not checked yet"),
    ],
)
def test_the_state_is_told_in_words(of: AccountState, words: str) -> None:
    assert drawn(of, width=140)[1].startswith(f"{words}  ")


def test_rows_are_sorted_the_gravest_first() -> None:
    alert = {Metric.BALANCE: Alert("low", Severity.CRITICAL, TICK)}
    by_name = {
        "new": None,
        "b": busy("b"),
        "a": busy("a"),
        "soon": busy("soon", "30"),
        "failing": replace(busy("failing"), failure=FAILURE),
        "low": replace(busy("low"), alerts=alert),
    }
    accounts = [Account(name, "you") for name in by_name]
    known = {name: it for name, it in by_name.items() if it is not None}
    rows = rows_of(accounts, known)
    assert [row.state.account for row in rows] == ["low", "failing", "soon", "a", "b", "new"]


@given(states())
def test_a_balance_lasts_until_it_runs_dry(of: AccountState) -> None:
    row = AccountRow(of, "vonage")
    if row.runs_dry_at is not None:
        assert row.lasts(row.runs_dry_at) == "0 min"
        assert row.lasts(row.runs_dry_at - HOUR) == "1 h"
