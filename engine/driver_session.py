"""What every connection of Rangka is set to, whichever driver opens it.

Owns the session settings and nothing else; pure. Called where connections are made.
"""

from psycopg import conninfo

_SESSION = {
    "TimeZone": "UTC",
    "DateStyle": "ISO",
    "standard_conforming_strings": "on",
    "search_path": "pg_catalog",
}


def session_dsn(dsn: str, statement_timeout_seconds: float = 0.0) -> str:
    """Return the DSN with the session settings every connection of Rangka has.

    UTC, ISO dates, UTF-8, `search_path = pg_catalog` (so SQL names its schemas), the
    given `statement_timeout` (0 = none), and TCP settings that notice a silent peer
    within about a minute. Options already in the DSN are kept and lose against these.
    """
    given = conninfo.conninfo_to_dict(dsn)
    settings = dict(_SESSION)
    settings["statement_timeout"] = str(round(statement_timeout_seconds * 1000))
    options = " ".join(f"-c {name}={value}" for name, value in settings.items())
    defaults = {
        "application_name": "rangka",
        "connect_timeout": "10",
        "keepalives_idle": "30",
        "keepalives_interval": "10",
        "keepalives_count": "3",
        "tcp_user_timeout": "60000",
    }
    return conninfo.make_conninfo(
        "",
        **{
            **defaults,
            **given,
            "client_encoding": "UTF8",
            "options": f"{given.get('options') or ''} {options}".strip(),
        },
    )
