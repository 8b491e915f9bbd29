"""When a text is no value of a type: SQL predicates that never raise.

Each takes the place `{text}`, an SQL expression of a trimmed text, and is true where
a cast would raise. Used by `metadata/fields/conversions.py` alone.
"""

from collections.abc import Mapping

from metadata.fields.booleans import WORDS
from metadata.fields.operators import quoted

TRUE_WORDS = ", ".join(quoted(word) for word, truth in WORDS.items() if truth)
FALSE_WORDS = ", ".join(quoted(word) for word, truth in WORDS.items() if not truth)

_OCTET = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IPV4 = rf"({_OCTET}\.){{3}}{_OCTET}"
_GROUP = "[0-9A-Fa-f]{1,4}"
_IPV6 = "|".join(
    [
        f"({_GROUP}:){{7}}{_GROUP}",
        f"({_GROUP}:){{1,7}}:",
        f":(:{_GROUP}){{1,7}}",
        "::",
        *(
            f"({_GROUP}:){{1,{left}}}(:{_GROUP}){{1,{7 - left}}}"
            for left in range(1, 7)
        ),
    ]
)
_PREFIX4 = "(3[0-2]|[12]?[0-9])"
_PREFIX6 = "(12[0-8]|1[01][0-9]|[1-9]?[0-9])"
_NETWORK = f"({_IPV4})/{_PREFIX4}|({_IPV6})/{_PREFIX6}"
_DAY = "[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
_CLOCK = "([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.][0-9]{1,9})?)?"
_ZONE = "([Zz]|[+-](0[0-9]|1[0-4]):[0-5][0-9])"
_HEX = "[0-9A-Fa-f]"
_PAIR = f"{_HEX}{{2}}"
_MAC = (
    f"{_PAIR}(:{_PAIR}){{5}}|{_PAIR}(-{_PAIR}){{5}}|{_HEX}{{12}}"
    f"|{_HEX}{{4}}([.]{_HEX}{{4}}){{2}}"
)


def _unlike(pattern: str) -> str:
    """Return the predicate for texts that are not wholly like a pattern."""
    return "{text} !~ '^(" + pattern.replace("{", "{{").replace("}", "}}") + ")$'"


# Year 0 does not exist; days beyond the month's end pass the pattern.
_NO_SUCH_DAY = (
    "(left({text}, 4) = '0000' or substr({text}, 9, 2)::int > "
    "case substr({text}, 6, 2)::int when 2 then 28 + (case when "
    "left({text}, 4)::int % 4 = 0 and (left({text}, 4)::int % 100 <> 0 or "
    "left({text}, 4)::int % 400 = 0) then 1 else 0 end) "
    "when 4 then 30 when 6 then 30 when 9 then 30 when 11 then 30 else 31 end)"
)


def _also(first: str, second: str) -> str:
    return f"case when {first} then true else {second} end"


NOT_A: Mapping[str, str] = {
    "bigint": _unlike("[+-]?[0-9]{1,18}"),
    "numeric": _unlike("[+-]?[0-9]{1,40}([.][0-9]{1,40})?"),
    "date": _also(_unlike(_DAY), _NO_SUCH_DAY),
    "timestamp with time zone": _also(
        _unlike(f"{_DAY}[Tt ]{_CLOCK}{_ZONE}"), _NO_SUCH_DAY
    ),
    "time without time zone": _unlike(_CLOCK),
    "uuid": _unlike(f"{_HEX}{{8}}(-{_HEX}{{4}}){{3}}-{_HEX}{{12}}"),
    "inet": _unlike(f"({_IPV4})|{_IPV6}"),
    "cidr": _also(_unlike(_NETWORK), "network({text}::inet)::inet <> {text}::inet"),
    "macaddr": _unlike(_MAC),
}
"""By the PostgreSQL name of the type the text is cast to."""
