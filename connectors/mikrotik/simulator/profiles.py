"""What the simulated RouterOS versions do differently; no behaviour of its own."""

from dataclasses import dataclass
from datetime import datetime

Version = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Profile:
    """One RouterOS version, as far as a client of the API can tell it."""

    name: str
    version: str
    build_time: str

    @property
    def release(self) -> Version:
        """Major and minor number, comparable."""
        major, minor = self.name.split(".")
        return int(major), int(minor)

    @property
    def challenge_login(self) -> bool:
        """Before 6.43 the password travels as the MD5 answer to a challenge."""
        return self.release < (6, 43)

    @property
    def says_empty(self) -> bool:
        """From 7.18 a print without rows says `!empty` before `!done`."""
        return self.release >= (7, 18)

    @property
    def hides_sensitive(self) -> bool:
        """From 7.21 a print hides passwords unless `show-sensitive` is given."""
        return self.release >= (7, 21)

    def log_time(self, moment: datetime, now: datetime) -> str:
        """Return the time of a log line; from 7.10 a date in ISO form."""
        if self.release >= (7, 10):
            return f"{moment:%Y-%m-%d %H:%M:%S}"
        if moment.date() == now.date():
            return f"{moment:%H:%M:%S}"
        return f"{moment:%b/%d/%Y %H:%M:%S}".lower()


PROFILES = {
    profile.name: profile
    for profile in (
        Profile("6.42", "6.42.12 (long-term)", "Feb/12/2019 08:23:12"),
        Profile("6.49", "6.49.18 (long-term)", "Feb/27/2025 12:51:01"),
        Profile("7.12", "7.12.2 (stable)", "Jan/09/2024 09:00:00"),
        Profile("7.18", "7.18.2 (stable)", "2025-03-11 11:59:04"),
        Profile("7.21", "7.21 (stable)", "2026-01-12 08:00:00"),
        Profile("7.24", "7.24 (stable)", "2026-09-01 08:00:00"),
    )
}
