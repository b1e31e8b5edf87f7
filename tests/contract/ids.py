"""Prints ids of rows that exist, by kind, as JSON: what the random questions of schemathesis are asked about.

python3 ids.py URL, token in SUIMON_TOKEN
"""

import base64
import json
import os
import re
import sys
import urllib.request

ASKED = [
    "{ tenants(first: 3) { nodes { id } } findings(first: 3) { nodes { id } } }",
    """{ incident(number: 1) { id timeline(first: 2) { nodes { id } } inquiries(first: 2) { nodes { id } } team { id }
         correctiveActions { id } revisions { id } findings(first: 2) { nodes { id } } } }""",
]
OF_INCIDENT = """query($id: ID!) { duties(incidentId: $id) { id } notices(incidentId: $id) { id }
                   assessments(incidentId: $id, first: 2) { id } }"""


def ask(query, **variables):
    request = urllib.request.Request(
        sys.argv[1],
        json.dumps({"query": query, "variables": variables}).encode(),
        {"content-type": "application/json", "authorization": f"Bearer {os.environ['SUIMON_TOKEN']}"},
    )
    with urllib.request.urlopen(request) as response:
        answer = json.load(response)
    if answer.get("errors"):
        sys.exit(f"{query}: {answer['errors']}")
    return json.dumps(answer["data"])


ids = {}


def remember(text):
    for found in re.findall(r'"id": "([^"]+)"', text):
        kind = base64.urlsafe_b64decode(found + "==").split(b":")[0].decode()
        ids.setdefault(kind, []).append(found)


for query in ASKED:
    remember(ask(query))
remember(ask(OF_INCIDENT, id=ids["Incident"][0]))
print(json.dumps({kind: rows[:3] for kind, rows in ids.items()}))
