"""The reconstruction in DuckDB, on all processors: python with_duckdb.py EDGE ORIGIN. Prints the answer as a line of JSON."""

import json
import sys

import duckdb

from question import COLUMNS, FROM, LIFE, SLACK, TO

edge, origin = sys.argv[1:]
db = duckdb.connect()
db.execute("SET preserve_insertion_order = false")
# Only what is used has a type; nothing is guessed, which would be a reading of its own.
types = {"date": "DATE", "time": "TIME", "sc-status": "INTEGER", "time-taken": "DOUBLE"}
columns = {name: types.get(name, "VARCHAR") for name in COLUMNS}

db.execute(f"""
CREATE TEMP TABLE edge AS
SELECT "cs-uri-stem" AS path, "x-edge-location" AS location, "x-edge-request-id" AS answer,
       nullif(regexp_extract("cs(Cookie)", 'session=([^;]+)', 1), '') AS session,
       epoch_ms(date + time) - ceil("time-taken" * 1000)::BIGINT AS since, epoch_ms(date + time) + 999 AS until,
       try_cast("sc-content-len" AS BIGINT) AS length
FROM read_csv(?, delim = '\t', header = false, skip = 2, quote = '', escape = '', nullstr = '-', auto_detect = false, columns = {json.dumps(columns)})
WHERE ("cs-uri-stem" = '/mypage' OR starts_with("cs-uri-stem", '/mypage/')) AND ("sc-status" < 300 OR "sc-status" = 304)
  AND epoch_ms(date + time) + 999 >= {FROM - SLACK} AND epoch_ms(date + time) - ceil("time-taken" * 1000)::BIGINT <= {TO + SLACK}
""", [edge])
db.execute("""
CREATE TEMP TABLE origin AS
SELECT epoch_ms(time) AS moment, event, outcome, person, session, path, status, edge_request_id AS answer
FROM read_json(?, format = 'newline_delimited', columns = {time: 'TIMESTAMPTZ', event: 'VARCHAR', outcome: 'VARCHAR', person: 'VARCHAR', session: 'VARCHAR',
     path: 'VARCHAR', status: 'INTEGER', edge_request_id: 'VARCHAR'})
WHERE person IS NOT NULL
""", [origin])
db.execute(f"""
CREATE TEMP TABLE holders AS SELECT DISTINCT session, person FROM origin WHERE session IS NOT NULL AND NOT (event = 'login' AND outcome IS NOT DISTINCT FROM 'failure');
CREATE TEMP TABLE requests AS SELECT answer, person, moment FROM origin
    WHERE event = 'request' AND (path = '/mypage' OR starts_with(path, '/mypage/')) AND (status < 300 OR status = 304);
CREATE TEMP TABLE own AS SELECT edge.*, requests.person FROM edge JOIN requests USING (answer);
CREATE TEMP TABLE kept AS SELECT edge.* FROM edge ANTI JOIN requests USING (answer);
CREATE TEMP TABLE listed AS
    SELECT person FROM origin WHERE event = 'login' AND outcome IS DISTINCT FROM 'failure' AND moment BETWEEN {FROM} AND {TO}
    UNION SELECT person FROM requests WHERE moment BETWEEN {FROM} AND {TO}
    UNION SELECT person FROM own WHERE until >= {FROM} AND since <= {TO}
    UNION SELECT person FROM kept JOIN holders USING (session) WHERE until >= {FROM} AND since <= {TO};
CREATE TEMP TABLE candidates AS
    WITH near AS (
        SELECT kept.answer, own.person, own.length IS NULL OR kept.length IS NULL OR own.length = kept.length AS fits
        FROM kept JOIN own ON own.location = kept.location AND own.path = kept.path AND own.since <= kept.until AND own.until >= kept.since - {LIFE}),
    best AS (SELECT answer, bool_or(fits) AS any_fits FROM near GROUP BY answer)
    SELECT DISTINCT answer, person FROM near JOIN best USING (answer) WHERE fits OR NOT any_fits;
CREATE TEMP TABLE said AS
    WITH viewers AS (SELECT answer, list(DISTINCT person) AS viewers FROM kept JOIN holders USING (session) GROUP BY answer),
    owners AS (SELECT answer, count(*) AS owners FROM candidates GROUP BY answer)
    SELECT candidates.answer, candidates.person,
        CASE WHEN viewers IS NOT NULL AND len(viewers) = 1 AND viewers[1] = candidates.person THEN 'self_only'
             WHEN owners = 1 AND viewers IS NOT NULL AND NOT list_contains(viewers, candidates.person) THEN 'confirmed'
             ELSE 'possible' END AS says
    FROM candidates JOIN owners USING (answer) JOIN kept USING (answer) LEFT JOIN viewers USING (answer)
    WHERE until >= {FROM} AND since <= {TO};
""")
classes = dict(db.execute("""
SELECT class, count(*) FROM (
    SELECT CASE WHEN bool_or(says = 'confirmed') THEN 'confirmed' WHEN bool_or(says = 'possible') THEN 'possible'
                WHEN bool_or(says = 'self_only') THEN 'self_only' ELSE 'excluded' END AS class
    FROM listed LEFT JOIN said USING (person) GROUP BY person) GROUP BY class
""").fetchall())
one = lambda query: db.execute(query).fetchone()[0]
# An answer without a candidate would have to be looked for elsewhere, which is not written here.
assert one("SELECT count(*) FROM kept ANTI JOIN candidates USING (answer)") == 0
inside = f"until >= {FROM} AND since <= {TO}"
print(json.dumps({
    "persons": one("SELECT count(*) FROM listed"),
    "own": one(f"SELECT count(*) FROM own WHERE {inside}"),
    "kept": one(f"SELECT count(*) FROM kept WHERE {inside}"),
    "exposing": one("SELECT count(DISTINCT answer) FROM said WHERE says <> 'self_only'"),
    **{name: classes.get(name, 0) for name in ("confirmed", "possible", "self_only", "excluded")},
}))
