"""The reconstruction in pandas, straightforwardly: python with_pandas.py EDGE ORIGIN. Prints the answer as a line of JSON."""

import json
import sys

import numpy
import pandas

from question import COLUMNS, FROM, LIFE, TO

edge_file, origin_file = sys.argv[1:]
used = ["date", "time", "x-edge-location", "cs-uri-stem", "sc-status", "cs(Cookie)", "x-edge-request-id", "time-taken", "sc-content-len"]
edge = pandas.read_csv(edge_file, sep="\t", skiprows=2, header=None, names=COLUMNS, usecols=used, quoting=3, na_values=["-"])
origin = pandas.read_json(origin_file, lines=True, dtype=False)

personal = lambda path: (path == "/mypage") | path.str.startswith("/mypage/", na=False)
fine = lambda status: (status < 300) | (status == 304)
millis = lambda times: pandas.to_datetime(times, utc=True).astype("datetime64[ms, UTC]").astype("int64")

edge = edge[personal(edge["cs-uri-stem"]) & fine(edge["sc-status"])].copy()
edge["second"] = millis(edge["date"] + " " + edge["time"])
edge["since"] = edge["second"] - numpy.ceil((edge["time-taken"] * 1000).round(6)).astype("int64")
edge["until"] = edge["second"] + 999
edge["session"] = edge["cs(Cookie)"].str.extract("session=([^;]+)")[0]
edge["answer"] = range(len(edge))
edge = edge.rename(columns={"cs-uri-stem": "path", "x-edge-location": "location", "x-edge-request-id": "id", "sc-content-len": "length"})
edge = edge[["answer", "path", "location", "id", "session", "since", "until", "length"]]

origin["at"] = millis(origin["time"])
origin = origin[origin["person"].notna() & (origin["person"] != "nan")]
failed = (origin["event"] == "login") & (origin["outcome"] == "failure")
holders = origin[~failed][["session", "person"]].dropna().drop_duplicates()
requests = origin[(origin["event"] == "request") & personal(origin["path"]) & fine(origin["status"])][["edge_request_id", "person", "at"]]
requests = requests.rename(columns={"edge_request_id": "id"})

own = edge.merge(requests, on="id")
kept = edge[~edge["id"].isin(requests["id"])]
inside = lambda lines: lines[(lines["until"] >= FROM) & (lines["since"] <= TO)]
viewers = kept.merge(holders, on="session")
logins = origin[(origin["event"] == "login") & (origin["outcome"] != "failure") & origin["at"].between(FROM, TO)]
listed = set(logins["person"]) | set(requests[requests["at"].between(FROM, TO)]["person"]) | set(inside(own)["person"]) | set(inside(viewers)["person"])

near = kept.merge(own, on=["location", "path"], suffixes=("", "_own"))
near = near[(near["since_own"] <= near["until"]) & (near["until_own"] >= near["since"] - LIFE)].copy()
near["fits"] = near["length"].isna() | near["length_own"].isna() | (near["length"] == near["length_own"])
near = near[near["fits"] | ~near.groupby("answer")["fits"].transform("any")]
candidates = near[["answer", "person"]].drop_duplicates()
# An answer without a candidate would have to be looked for elsewhere, which is not written here.
assert set(kept["answer"]) == set(candidates["answer"])

owners = candidates.groupby("answer")["person"].agg(set)
seen_by = viewers.groupby("answer")["person"].agg(set)
worst, exposing = {}, 0
for answer in inside(kept)["answer"]:
    whose, whom = owners[answer], seen_by.get(answer)
    exposes = False
    for person in whose:
        if whom == {person}:
            says = 2
        else:
            says = 0 if len(whose) == 1 and whom is not None and person not in whom else 1
            exposes = True
        worst[person] = min(says, worst.get(person, 3))
    exposing += exposes
classes = [worst.get(person, 3) for person in listed]
print(json.dumps({
    "persons": len(listed),
    "own": len(inside(own)),
    "kept": len(inside(kept)),
    "exposing": exposing,
    **{name: classes.count(number) for number, name in enumerate(("confirmed", "possible", "self_only", "excluded"))},
}))
