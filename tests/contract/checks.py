"""Hooks of schemathesis: what counts as a failure of this service, and values that its scalars take.

A refusal (FORBIDDEN, NOT_FOUND, INVALID, a limit) is a right answer to a random question. A failure is whatever the service
did not foresee: a status of 500 or more, an error without a code of its own or with INTERNAL, an answer that is no GraphQL.
"""

import json
import os
import re

import graphql
import schemathesis
from hypothesis import strategies as st
from schemathesis.graphql import nodes

KNOWN = {
    "NOT_FOUND", "FORBIDDEN", "UNAUTHENTICATED", "INVALID", "CONFLICT", "LIMIT_EXCEEDED", "GRAPHQL_INVALID", "INCOMPLETE", "UNAVAILABLE",
}

with open(os.environ["SUIMON_IDS"], encoding="utf-8") as file:
    IDS = json.load(file)

schemathesis.graphql.scalar(
    "Instant", st.sampled_from(["2023-10-26T11:00:00+09:00", "1969-12-31T23:59:59Z", "x"]).map(nodes.String)
)

schemathesis.graphql.scalar(
    "JSON", st.sampled_from(["{}", '{ ja: { a: "x" } }', "[[1], null]", '"x"', "1e99"]).map(graphql.parse_value)
)


@schemathesis.check
def nothing_unforeseen(ctx, response, case):
    assert response.status_code < 500, f"status {response.status_code}: {response.text[:300]}"
    answer = response.json()
    assert "data" in answer or answer.get("errors"), f"no answer: {answer}"
    for error in answer.get("errors", []):
        code = error.get("extensions", {}).get("code")
        assert code in KNOWN, f"unforeseen: {error}"
        assert "panicked" not in error["message"] and "src/" not in error["message"], f"inner text: {error}"


@schemathesis.hook
def map_body(ctx, body):
    """Random ids never name a row. In half of the documents they are replaced by ids of rows that exist."""
    query = graphql.print_ast(body)
    return body if len(query) % 2 else graphql.parse(with_ids(query))


def with_ids(query):
    for kind, ids in IDS.items():
        stem = kind[0].lower() + kind[1:]
        query = _replace(query, f"{stem}Id: ", ids[len(query) % len(ids)])
    root = re.search(r"\b(revision|notice|incident|subject)\(", query)
    kind = root[1].capitalize() if root else ""
    return _replace(query, "id: ", IDS.get(kind, IDS["Incident"])[0])


def _replace(query, before, value):
    """The string literal after `before`, wherever it stands, becomes `value`."""
    parts = query.split(f'{before}"')
    for index, part in enumerate(parts[1:], 1):
        end = 0
        while end < len(part) and part[end] != '"':
            end += 2 if part[end] == "\\" else 1
        parts[index] = json.dumps(value) + part[end + 1 :]
    return before.join(parts) if len(parts) > 1 else query
