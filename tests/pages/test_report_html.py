"""The page of a report: harmless whatever the names are, complete by itself, fast and small."""

import csv
import re
import time
from decimal import Decimal
from html.parser import HTMLParser
from io import StringIO

import pytest

from balance_watch.cli.report_csv import report_csv
from balance_watch.domain.report import Report
from balance_watch.pages.report_html import report_html, widget_html
from balance_watch.pages.report_plot import HEIGHT, WIDTH, plot_of
from docs.pictures.report_scene import report

HOSTILE = (
    "<script>alert(1)</script>",
    "</style></title><img src=x onerror=alert(1)>",
    'a" onload="x\' {{ 7 * 7 }} {% raw %}',
    "\u202edlrow\u202c \u2066x",
    "W" * 200,
)


class Page(HTMLParser):
    """The tags and attributes of a page, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.text: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def with_name(name: str) -> Report:
    """Returns the report with this text wherever somebody else may write one."""
    found = report()
    return found._replace(
        accounts=tuple(
            it._replace(
                name=f"{name}{number}",
                provider=name,
                labels={name: name},
                alerts=tuple(alert._replace(account=name, rule=name) for alert in it.alerts),
            )
            for number, it in enumerate(found.accounts)
        )
    )


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_adds_no_tag_and_no_attribute(name: str) -> None:
    plain, hostile = Page(report_html(with_name("plain"))), Page(report_html(with_name(name)))
    assert hostile.tags == plain.tags
    assert hostile.attributes == plain.attributes


def test_a_mark_that_turns_text_around_is_replaced() -> None:
    page = report_html(with_name("\u202edlrow"))
    assert "\u202e" not in page
    assert "�dlrow" in page


def test_nothing_is_loaded_from_anywhere() -> None:
    page = report_html(report())
    assert "default-src 'none'" in page
    assert not re.findall(r"https?:|//[a-z]|url\(|@import|\bsrc=|\bhref=", page)


def test_every_account_is_there_with_its_plot() -> None:
    found = report()
    text = "".join(Page(report_html(found)).text)
    assert all(it.name in text for it in found.accounts)


def test_all_that_is_drawn_stays_within_its_plot() -> None:
    found = report()
    for account in found.accounts:
        plot = plot_of(account, found.period)
        assert plot is not None
        for line in (*plot.lines, plot.forecast):
            for x, y in (map(float, point.split(",")) for point in line.split()):
                assert 0 <= x <= WIDTH
                assert 0 <= y <= HEIGHT


def test_a_time_without_a_reading_breaks_the_line() -> None:
    found = report()
    lines = {it.name: plot_of(it, found.period) for it in found.accounts}
    silent, read = lines["search-prod"], lines["images"]
    assert silent is not None
    assert read is not None
    assert (len(silent.lines), len(read.lines)) == (2, 1)


def test_an_account_without_a_reading_has_no_plot_and_breaks_nothing() -> None:
    found = report()
    empty = found.accounts[0]._replace(latest=None, samples=(), days=(), runs_dry_at=None)
    assert "No balance was read" in report_html(found._replace(accounts=(empty,)))


def test_a_report_on_nothing_says_so_and_nothing_else() -> None:
    page = Page(report_html(report()._replace(accounts=())))
    assert "No account is watched yet." in page.text
    assert "h2" not in page.tags


def test_an_account_that_was_never_read_is_not_said_to_have_been_read_all_the_time() -> None:
    found = report()
    empty = found.accounts[0]._replace(
        name="new", latest=None, samples=(), days=(), gaps=(), runs_dry_at=None
    )
    alone = report_html(found._replace(accounts=(empty,)))
    assert "No balance is known of <bdi>new</bdi>." in alone
    assert "all the time" not in alone
    read = found.accounts[1]._replace(gaps=())
    both = report_html(found._replace(accounts=(empty, read)))
    assert "Every other account was read all the time." in both


def printed(page: str) -> str:
    """Returns the rules of style that hold on paper alone."""
    return page.split("@media print {", 1)[1].split("\n}\n", 1)[0]


@pytest.mark.parametrize(
    "rule",
    [
        r"\.report thead \{ display: table-header-group; \}",
        r"\.report th button \{ display: contents; \}",
        r"\.report \.card, \.report tr, .*\{ break-inside: avoid; \}",
        r"\.report h2, .*\{ break-after: avoid; \}",
        r"details::details-content \{ content-visibility: visible;",
        r"--paper: #fff;",
    ],
)
def test_on_paper_headers_repeat_nothing_is_cut_and_what_is_closed_opens(rule: str) -> None:
    assert re.search(rule, printed(report_html(report())))


@pytest.mark.parametrize(
    "page",
    [report_html(report()), widget_html(report(), is_dark=True)],
    ids=["a page", "a dark widget"],
)
def test_dark_colours_are_on_screens_alone(page: str) -> None:
    dark = re.findall(r"@media screen[^{]*\{\s*\.report \{\s*color-scheme: dark;", page)
    assert len(dark) == len(re.findall("color-scheme: dark;", page)) == 1


def test_a_light_widget_is_light_in_a_dark_window() -> None:
    assert "color-scheme: dark" not in widget_html(report(), is_dark=False)


def test_tables_become_lists_where_the_page_is_narrow_not_the_window() -> None:
    page = widget_html(report(), is_dark=False)
    assert "container-type: inline-size" in page
    assert "@media (max-width" not in page


def test_two_hundred_accounts_are_less_than_five_megabytes_and_seconds() -> None:
    found = report()
    many = tuple(
        it._replace(name=f"{it.name}-{number}") for number in range(34) for it in found.accounts
    )
    begin = time.process_time()
    page = report_html(found._replace(accounts=many[:200]))
    assert time.process_time() - begin < 5
    assert len(page.encode()) < 5_000_000


def test_csv_keeps_a_name_with_a_comma_and_a_line_break_in_its_field() -> None:
    text = report_csv(with_name('a,"b"\nc'))
    assert text.startswith("account,provider,currency,day,balance,spent,topped_up\n")
    assert '"a,""b""\nc0","a,""b""\nc",' in text


@pytest.mark.parametrize(
    "name", ['=HYPERLINK("http://x")', "+1", "-1", "@cmd", "\t=1", "\n=1", "\uff1d1"]
)
def test_no_text_of_the_csv_is_a_formula_in_a_spreadsheet(name: str) -> None:
    found = with_name(name)
    accounts = tuple(
        it._replace(days=tuple(day._replace(currency=name) for day in it.days))
        for it in found.accounts
    )
    text = report_csv(found._replace(accounts=accounts))
    rows = list(csv.DictReader(StringIO(text, newline="")))
    assert {row["account"] for row in rows} == {f"'{it.name}" for it in accounts}
    assert {row[column] for row in rows for column in ("provider", "currency")} == {f"'{name}"}


def test_a_name_that_begins_with_a_carriage_return_has_an_apostrophe_before_it() -> None:
    assert "\n'\r=10,'\r=1," in report_csv(with_name("\r=1"))


def test_a_number_below_zero_stays_a_number_in_the_csv() -> None:
    found = report()
    account = found.accounts[0]
    days = (account.days[-1]._replace(balance=Decimal("-5.20"), spent=Decimal("-0.5")),)
    text = report_csv(found._replace(accounts=(account._replace(days=days),)))
    (row,) = csv.DictReader(StringIO(text))
    assert (row["balance"], row["spent"]) == ("-5.20", "-0.5")
