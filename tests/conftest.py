"""Plumbing every test may use; the fixtures themselves are in tests/fixtures."""

pytest_plugins = (
    "tests.fixtures.database",
    "tests.fixtures.redis",
    "tests.fixtures.browser",
    "tests.fixtures.api",
)
