"""A secret that is gone is lost for a day, or until it or its accounts are back."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from balance_watch.domain.lost_secrets import (
    LostSecret,
    LostSecrets,
    RememberedSecrets,
    SecretPresence,
    account_digest,
    lost_fault,
    lost_secrets,
    remember,
)

START = datetime.fromisoformat("2026-11-22T10:05:00Z")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
Secrets = dict[str, set[str]]


@dataclass
class Runs:
    """Runs one after the other, each with what the one before left."""

    now: datetime = START
    remembered: RememberedSecrets = field(default_factory=dict)
    lost: LostSecrets = field(default_factory=dict)

    def find(self, after: timedelta = timedelta(minutes=5), **facts: object) -> list[str]:
        """Returns the secrets that are lost in a run that finds these secrets."""
        self.now += after
        return self.run(SecretPresence(**facts))  # type: ignore[arg-type]

    def see(self, secrets: Secrets, after: timedelta = timedelta(minutes=5)) -> list[str]:
        """Returns the secrets that are lost in a run that finds these, all of them valid."""
        return self.find(after, accounts_of={name: frozenset(it) for name, it in secrets.items()})

    def run(self, presence: SecretPresence) -> list[str]:
        self.lost = lost_secrets(self.remembered, self.lost, presence, self.now)
        self.remembered = remember(self.remembered, presence)
        return sorted(self.lost)


EU, US = {"accounts/eu": {"a", "b"}}, {"accounts/us": {"c"}}
SLACK: Secrets = {"slack": set()}


def test_the_first_run_of_a_table_misses_nothing() -> None:
    assert Runs().see(EU) == []


def test_a_secret_that_is_gone_is_lost() -> None:
    runs = Runs()
    runs.see(EU | US | SLACK)
    assert runs.see(US | SLACK) == ["accounts/eu"]
    assert runs.see(US | SLACK) == ["accounts/eu"]
    assert runs.see(US) == ["accounts/eu", "slack"]


def test_a_secret_that_is_back_is_not_lost() -> None:
    runs = Runs()
    runs.see(EU | SLACK)
    runs.see({})
    assert runs.see(EU | SLACK) == []


def test_a_secret_is_lost_for_a_day() -> None:
    runs = Runs()
    runs.see(EU | US | SLACK)
    runs.see(US)
    assert runs.see(US, DAY - HOUR) == ["accounts/eu", "slack"]
    assert runs.see(US, HOUR) == []
    assert runs.see(US) == []


def test_a_secret_whose_accounts_are_in_other_secrets_is_not_lost() -> None:
    runs = Runs()
    runs.see(EU | US)
    assert runs.see({"accounts/emea": {"a"}, "accounts/us": {"b", "c"}}) == []


def test_a_secret_is_lost_while_one_of_its_accounts_is_nowhere() -> None:
    runs = Runs()
    runs.see(EU | US)
    assert runs.see({"accounts/us": {"b", "c"}}) == ["accounts/eu"]
    assert runs.see({"accounts/us": {"a", "b", "c"}}) == []


def test_a_secret_without_accounts_is_no_loss() -> None:
    runs = Runs()
    runs.see({"accounts": set(), **US})
    assert runs.see(US) == []


def test_a_secret_with_a_fault_keeps_the_accounts_that_it_had() -> None:
    runs = Runs()
    runs.see(EU | US)
    broken = frozenset({"accounts/eu"})
    found = {"accounts/eu": frozenset({"a"}), "accounts/us": frozenset({"c"})}
    assert runs.find(accounts_of=found, uncertain=broken) == []
    assert runs.see({"accounts/us": {"a", "c"}}) == ["accounts/eu"], "b was in it"


def test_a_secret_that_cannot_be_read_is_there() -> None:
    runs = Runs()
    runs.see(EU)
    unread = frozenset({"accounts/eu"})
    assert runs.find(accounts_of={"accounts/eu": frozenset()}, uncertain=unread) == []


def test_while_a_secret_that_cannot_be_read_has_no_name_none_is_newly_lost() -> None:
    runs = Runs()
    runs.see(EU | US)
    assert runs.see(US) == ["accounts/eu"]
    assert runs.find(accounts_of={}, is_whole=False) == ["accounts/eu"]
    assert runs.see(US) == ["accounts/eu"], "it was remembered meanwhile"
    assert runs.see({}) == ["accounts/eu", "accounts/us"]


def test_a_name_that_means_nothing_to_this_release_is_there() -> None:
    runs = Runs()
    runs.see({"teams": set()})
    assert runs.find(foreign=frozenset({"teams"})) == []


def test_the_fault_names_the_secret_and_the_number_of_its_accounts() -> None:
    two = LostSecret(START, frozenset({"aaaa", "bbbb"}))
    assert lost_fault("accounts/eu", two, "balance-watch/") == (
        "secret balance-watch/accounts/eu: it is gone, and its 2 accounts with it."
        " If you removed it on purpose, ignore this: it ends after a day."
    )
    one = LostSecret(START, frozenset({"aaaa"}))
    assert "its account with it" in lost_fault("accounts", one, "p")
    assert "its accounts with it" in lost_fault("accounts", LostSecret(START, None), "p")
    assert "its channels with it" in lost_fault("slack", LostSecret(START, frozenset()), "p")


names = st.sampled_from(["accounts", "accounts/a", "accounts/b", "slack"])
secrets = st.dictionaries(names, st.sets(st.sampled_from("vwxyz"), max_size=3), max_size=4).map(
    lambda found: {name: set() if name == "slack" else it for name, it in found.items()}
)
spans = st.sampled_from([timedelta(minutes=5), timedelta(hours=7), timedelta(hours=25)])


@given(st.lists(st.tuples(secrets, spans), max_size=12))
def test_exactly_what_is_neither_back_nor_moved_nor_a_day_gone_is_lost(
    life: list[tuple[Secrets, timedelta]],
) -> None:
    runs, now, before = Runs(), START, Secrets()
    gone: dict[str, tuple[datetime, set[str]]] = {}
    for found, span in life:
        now += span
        everywhere = set[str]().union(*found.values())
        gone = {**{name: (now, it) for name, it in before.items()}, **gone}
        gone = {
            name: (since, accounts)
            for name, (since, accounts) in gone.items()
            if name not in found
            and now - since < DAY
            and (name == "slack" or accounts - everywhere)
        }
        before = found
        assert runs.see(found, span) == sorted(gone)


@given(
    st.dictionaries(
        st.text("abcdefgh/-", min_size=1, max_size=200).map("accounts/{}".format),
        st.sets(st.integers().map(str), max_size=40),
        max_size=120,
    )
)
def test_what_is_remembered_is_bounded(many: Secrets) -> None:
    presence = SecretPresence({name: frozenset(it) for name, it in many.items()})
    remembered = remember({}, presence)
    sizes = (len(name) + 4 * len(digests or ()) for name, digests in remembered.items())
    assert sum(sizes) <= 10_000
    assert all(
        digests in (None, frozenset(map(account_digest, many[name])))
        for name, digests in remembered.items()
    )
    lost = lost_secrets(remembered, {}, SecretPresence(), START)
    assert len(lost) <= 50


def test_of_too_many_accounts_a_secret_is_remembered_without_them_and_lost_for_a_day() -> None:
    runs = Runs()
    many = {str(number) for number in range(3000)}
    runs.see({"accounts": many, **EU})
    assert runs.remembered["accounts"] is None
    assert runs.see({"accounts/all": many, **EU}) == ["accounts"]
    assert runs.see({"accounts/all": many, **EU}, DAY) == []


def test_thousands_of_secrets_crowd_out_no_secret_of_channels() -> None:
    runs = Runs()
    many: Secrets = {f"accounts/{number:05}": {str(number)} for number in range(5000)}
    runs.see({**many, **SLACK})
    assert "slack" in runs.see(many)
