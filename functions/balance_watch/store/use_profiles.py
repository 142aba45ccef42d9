"""The profile of an account's use, as it is stored: pure."""

from math import isfinite

from balance_watch.domain.use_profile import MAX_STEPS, WEEK, Profile, Sums


def serialize_profile(profile: Profile) -> tuple[bytes, str]:
    """Returns what is stored: 168 bytes, and a line of about 60 characters for all the rest."""
    began = profile.hour if profile.began is None else profile.began
    whole = (began, profile.hour - began, profile.covered, profile.top)
    estimates = (profile.spent, *profile.week, *profile.day)
    return profile.hours, " ".join([*map(str, whole), *(f"{it:.6g}" for it in estimates)])


def parse_profile(hours: bytes, text: str) -> Profile:
    """Returns a stored profile; raises ValueError if it is none."""
    began, under_way, covered, top, *estimates = text.split()
    spent, week_spent, week_due, day_spent, day_due = (float(it) for it in estimates)
    if not isfinite(spent + week_spent + week_due + day_spent + day_due):
        raise ValueError("not the estimates of a profile")
    if len(hours) != WEEK or abs(int(top)) > MAX_STEPS:
        raise ValueError("not the hours of a profile")
    return Profile(
        hours,
        int(top),
        int(began),
        int(began) + int(under_way),
        spent,
        int(covered),
        Sums(week_spent, week_due),
        Sums(day_spent, day_due),
    )
