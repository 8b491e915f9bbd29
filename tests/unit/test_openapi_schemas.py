"""A schema of a document and what it becomes accept the same values.

The oracle is jsonschema over the document as it is: Draft 4, from which OpenAPI 3.0
took its words, with `nullable` written out; and 2020-12 for OpenAPI 3.1.
"""

from typing import Any

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from jsonschema import Draft4Validator, Draft202012Validator

from metadata.endpoint_forms import body_schema
from metadata.payloads import validator
from metadata.profile import profile_findings
from registry.openapi import import_document

NAMES = ("A", "B", "C")
KEYS = ("a", "b", "c")

VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-3, 12),
        st.sampled_from([0.5, 2.5]),
        st.sampled_from(["", "a", "ab", "abc", "10", "x" * 9]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.sampled_from([*KEYS, "d"]), inner, max_size=4),
    ),
    max_leaves=8,
)


def whole(low: int = 0, high: int = 5) -> st.SearchStrategy[int]:
    return st.integers(low, high)


def plain(*, is_30: bool) -> st.SearchStrategy[dict[str, Any]]:
    """Schemas without others in them."""
    nullable = {"nullable": st.booleans()} if is_30 else {}
    bounds: dict[str, st.SearchStrategy[Any]] = {
        "minimum": whole(),
        "maximum": whole(3, 9),
        "exclusiveMinimum": st.booleans() if is_30 else whole(),
        "exclusiveMaximum": st.booleans() if is_30 else whole(3, 9),
        "multipleOf": st.sampled_from([1, 2, 0.5]),
    }
    number = st.fixed_dictionaries(
        {"type": st.sampled_from(["integer", "number"])},
        optional={**bounds, **nullable},
    ).filter(_bounded if is_30 else lambda _: True)
    text = st.fixed_dictionaries(
        {"type": st.just("string")},
        optional={
            "minLength": whole(0, 3),
            "maxLength": whole(1, 9),
            "pattern": st.sampled_from(["^a", "b$", "[0-9]+"]),
            "enum": st.lists(
                st.sampled_from(["a", "ab", None]), min_size=1, unique=True
            ),
            **nullable,
        },
    )
    other = st.fixed_dictionaries(
        {"type": st.just("boolean")}, optional={"description": st.just("A"), **nullable}
    )
    return st.one_of(number, text, other, st.just({}))


def _bounded(schema: dict[str, Any]) -> bool:
    """Draft 4 takes `exclusive…` only beside its bound."""
    pairs = (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum"))
    return all(bound in schema for word, bound in pairs if word in schema)


def schemas(depth: int, below: tuple[str, ...], *, is_30: bool) -> Any:
    """Schemas that refer to the names `below` them alone, so that none is endless."""
    options = [plain(is_30=is_30)]
    if below:
        options.append(
            st.sampled_from(below).map(lambda n: {"$ref": f"#/components/schemas/{n}"})
        )
    if depth:
        inner = schemas(depth - 1, below, is_30=is_30)
        more = {"nullable": st.booleans()} if is_30 else {}
        members = st.lists(inner, min_size=1, max_size=3)
        options += [
            st.fixed_dictionaries(
                {"type": st.just("object")},
                optional={
                    "properties": st.dictionaries(st.sampled_from(KEYS), inner),
                    "required": st.lists(
                        st.sampled_from(KEYS), min_size=1, unique=True
                    ),
                    "additionalProperties": st.one_of(st.booleans(), inner),
                    "minProperties": whole(0, 2),
                    **more,
                },
            ),
            st.fixed_dictionaries(
                {"type": st.just("array"), "items": inner},
                optional={
                    "minItems": whole(0, 2),
                    "maxItems": whole(1, 3),
                    "uniqueItems": st.booleans(),
                    **more,
                },
            ),
            st.fixed_dictionaries(
                {"allOf": members},
                optional={
                    "properties": st.dictionaries(st.sampled_from(KEYS), inner),
                    "required": st.just(["a"]),
                    "maxProperties": whole(1, 3),
                },
            ),
            st.fixed_dictionaries({"oneOf": members}),
            st.fixed_dictionaries({"anyOf": members}),
            st.fixed_dictionaries({"not": inner}),
        ]
        if not is_30:
            options += [
                st.fixed_dictionaries({"if": inner, "then": inner, "else": inner}),
                st.fixed_dictionaries({"prefixItems": members, "items": inner}),
                st.fixed_dictionaries(
                    {"contains": inner}, optional={"minContains": whole(0, 2)}
                ),
                st.fixed_dictionaries({"const": VALUES}),
                st.fixed_dictionaries(
                    {"patternProperties": st.dictionaries(st.just("^[ab]"), inner)},
                    optional={"additionalProperties": st.booleans()},
                ),
            ]
            if below:
                options.append(
                    st.tuples(st.sampled_from(below), inner).map(
                        lambda two: (
                            {"$ref": f"#/components/schemas/{two[0]}", **two[1]}
                            if "$ref" not in two[1]
                            else two[1]
                        )
                    )
                )
    return st.one_of(*options)


@st.composite
def documents(draw: st.DrawFn, *, is_30: bool) -> dict[str, Any]:
    named = {
        name: draw(schemas(2, NAMES[index + 1 :], is_30=is_30))
        for index, name in enumerate(NAMES)
    }
    body = {
        "required": True,
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/A"}}},
    }
    post = {"requestBody": body, "responses": {"204": {"description": "Done."}}}
    return {
        "openapi": "3.0.3" if is_30 else "3.1.0",
        "info": {"title": "Family", "version": "1"},
        "servers": [{"url": "https://family.example"}],
        "paths": {"/a": {"post": post}},
        "components": {"schemas": named},
    }


def aimed(draw: st.DrawFn, schema: Any, named: dict[str, Any], depth: int = 0) -> Any:
    """Return a value at the edge of what a schema accepts."""
    if not isinstance(schema, dict) or depth > 8:
        return draw(VALUES)
    if draw(st.integers(0, 9)) == 0:
        return draw(st.one_of(st.none(), VALUES))
    if "$ref" in schema:
        return aimed(draw, named[schema["$ref"].rpartition("/")[2]], named, depth + 1)
    parts = [
        part for word in ("allOf", "oneOf", "anyOf") for part in schema.get(word, ())
    ]
    if parts:
        values = [aimed(draw, part, named, depth + 1) for part in parts]
        rows = [value for value in values if isinstance(value, dict)]
        if rows and "allOf" in schema:
            own = aimed(
                draw, {**schema, "allOf": [], "type": "object"}, named, depth + 1
            )
            rows += [own] if isinstance(own, dict) else []
            return {key: value for row in rows for key, value in row.items()}
        return draw(st.sampled_from(values))
    kind = schema.get("type")
    if kind in {"integer", "number"}:
        words = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
        bounds = [schema[w] for w in words if type(schema.get(w)) is int] or [3]
        return draw(st.sampled_from(bounds)) + draw(st.integers(-1, 1))
    if kind == "string":
        lengths = [schema[w] for w in ("minLength", "maxLength") if w in schema] or [2]
        length = draw(st.sampled_from(lengths)) + draw(st.integers(-1, 1))
        return draw(
            st.sampled_from([*schema.get("enum", ()), ("ab" * 9)[: max(length, 0)]])
        )
    if kind == "array" or "items" in schema:
        items = [*schema.get("prefixItems", ()), *[schema.get("items", {})] * 3]
        count = draw(st.integers(0, len(items)))
        return [aimed(draw, item, named, depth + 1) for item in items[:count]]
    if kind == "object" or "properties" in schema:
        wanted = {
            **{name: {} for name in schema.get("required", ())},
            **schema.get("properties", {}),
        }
        row = {
            name: aimed(draw, each, named, depth + 1)
            for name, each in wanted.items()
            if draw(st.integers(0, 5))
        }
        if draw(st.integers(0, 3)) == 0:
            row["d"] = aimed(draw, schema.get("additionalProperties"), named, depth + 1)
        return row
    return draw(VALUES)


@st.composite
def cases(draw: st.DrawFn, *, is_30: bool) -> tuple[dict[str, Any], list[Any]]:
    """Return a document, and values at the edge of its schemas and beside it."""
    document = draw(documents(is_30=is_30))
    named = document["components"]["schemas"]
    near = [aimed(draw, named["A"], named) for _ in range(8)]
    return document, [*near, *draw(st.lists(VALUES, max_size=4))]


def became(document: dict[str, Any]) -> dict[str, Any]:
    found = import_document(document)
    assert found.service is not None, found.findings
    schema = body_schema(found.service.endpoints[0])
    assert schema is not None
    assert list(profile_findings(schema)) == []
    return schema


def written_out(schema: Any) -> Any:
    """Say `nullable` as Draft 4 can; what `$ref` stands beside is not read there."""
    if isinstance(schema, list):
        return [written_out(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: written_out(value) for key, value in schema.items()}
    nullable = found.pop("nullable", False)
    if nullable is True and "type" in found:
        found["type"] = [found["type"], "null"]
    return found


SLOW = settings(
    max_examples=200,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@SLOW
@given(cases(is_30=True))
def test_30_accepts_what_the_original_accepts(
    case: tuple[dict[str, Any], list[Any]],
) -> None:
    document, values = case
    named = document["components"]["schemas"]
    oracle = Draft4Validator(
        {
            "$ref": "#/components/schemas/A",
            "components": written_out({"schemas": named}),
        }
    )
    assume(all(_is_schema(Draft4Validator, written_out(s)) for s in named.values()))
    agree(oracle, became(document), values)


@SLOW
@given(cases(is_30=False))
def test_31_accepts_what_the_original_accepts(
    case: tuple[dict[str, Any], list[Any]],
) -> None:
    document, values = case
    named = document["components"]["schemas"]
    oracle = Draft202012Validator(
        {"$ref": "#/components/schemas/A", "components": {"schemas": named}}
    )
    assume(all(_is_schema(Draft202012Validator, s) for s in named.values()))
    agree(oracle, became(document), values)


def _is_schema(kind: Any, schema: Any) -> bool:
    return not list(kind(kind.META_SCHEMA).iter_errors(schema))


def agree(oracle: Any, schema: dict[str, Any], values: list[Any]) -> None:
    ours = validator(schema)
    for value in values:
        expected = oracle.is_valid(value)
        assert ours.is_valid(value) is expected, (schema, value)
