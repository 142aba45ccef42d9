"""The last good policy: the text that was kept last."""

from balance_watch.store.dynamodb import Store


def test_no_policy_is_kept_at_first(store: Store) -> None:
    assert store.policies.last_good() is None


def test_the_last_good_policy_is_the_one_kept_last(store: Store) -> None:
    store.policies.keep("[defaults]\n")
    store.policies.keep('[defaults]\nreminder = "1h"\n')
    assert store.policies.last_good() == '[defaults]\nreminder = "1h"\n'


def test_an_empty_policy_is_kept_too(store: Store) -> None:
    store.policies.keep("")
    assert store.policies.last_good() == ""
