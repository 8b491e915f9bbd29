"""What a router says, as exceptions."""

import pytest

from connectors.mikrotik import errors
from connectors.mikrotik.errors import Advice, RouterError, from_trap


@pytest.mark.parametrize(
    ("message", "made", "advice"),
    [
        (
            "failure: secret with the same name already exists",
            errors.Duplicate,
            "replan",
        ),
        ("failure: already have such entry", errors.Duplicate, "replan"),
        ("failure: pool with such name exists", errors.Duplicate, "replan"),
        ("no such item", errors.Missing, "replan"),
        ("no such item (4)", errors.Missing, "replan"),
        ("input does not match any value of profile", errors.BadReference, "replan"),
        ("invalid value for argument remote-address", errors.BadValue, "stop"),
        ("value of mtu out of range (1..254)", errors.BadValue, "stop"),
        ("failure: contents too long", errors.BadValue, "stop"),
        ("unknown parameter show-sensitive", errors.UnknownCommand, "alert"),
        ("no such command or directory (tool)", errors.UnknownCommand, "alert"),
        ("no such command prefix", errors.UnknownCommand, "alert"),
        ("missing =.id=", errors.Misuse, "stop"),
        ("can not change dynamic secret", errors.Misuse, "stop"),
        ("failure: group has some users", errors.Misuse, "stop"),
        ("not enough permissions (9)", errors.NotPermitted, "alert"),
        ("invalid user name or password (6)", errors.LoginRefused, "alert"),
        ("cannot log in", errors.LoginRefused, "alert"),
        ("interrupted", errors.Interrupted, "retry"),
        ("failure: the moon is full", errors.Refused, "stop"),
        ("", errors.Refused, "stop"),
    ],
)
def test_every_message_has_its_class_and_what_to_do(
    message: str, made: type[RouterError], advice: str
) -> None:
    error = from_trap(message, "", "/ppp/secret/add")
    assert (type(error), error.advice) == (made, Advice(advice))
    assert str(error).startswith("/ppp/secret/add: ")


def test_a_category_is_enough_for_an_interruption() -> None:
    assert isinstance(from_trap("stopped", "2", "/ping"), errors.Interrupted)


def test_the_prefix_and_the_number_are_not_shown() -> None:
    error = from_trap("failure: no such item (4)", "0", "/ip/pool/set")
    assert str(error) == "/ip/pool/set: no such item"


def test_a_secret_in_the_answer_is_blotted_out() -> None:
    said = "invalid value hunter2 for argument password"
    error = from_trap(said, "1", "/ppp/secret/add", ["hunter2"])
    assert "hunter2" not in str(error)
    assert "•••" in str(error)


def test_codes_are_one_per_class() -> None:
    classes = [
        made
        for made in vars(errors).values()
        if isinstance(made, type) and issubclass(made, RouterError)
    ]
    codes = {made.code for made in classes if made is not RouterError}
    assert len(codes) == len(classes) - 1
