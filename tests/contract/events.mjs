// Subscriptions with the client of graphql-sse: an event of a job, a watcher who leaves, and a refusal with the end after it.
// node events.mjs URL, token in SUIMON_TOKEN
import assert from "node:assert/strict";
import { createRequire } from "node:module";

// The packages lie in a build folder, which is the working directory; this file does not.
const require = createRequire(`${process.cwd()}/package.json`);
const { createClient } = require("graphql-sse");

const [url] = process.argv.slice(2);
// A service that tells nothing must fail this, not hang it.
setTimeout(() => {
  console.error("no event within half a minute");
  process.exit(1);
}, 30_000).unref();
const headers = { authorization: `Bearer ${process.env.SUIMON_TOKEN}` };
const ask = async (query, variables = {}) => {
  const body = JSON.stringify({ query, variables });
  const answer = await fetch(url, { method: "POST", headers: { ...headers, "content-type": "application/json" }, body });
  const { data, errors } = await answer.json();
  assert.equal(errors, undefined);
  return data;
};

const { viewer } = await ask("{ viewer { tenant { id } } }");
const { jobs } = await ask("query($t: ID!) { jobs(tenantId: $t, first: 50) { nodes { id kind state } } }", {
  t: viewer.tenant.id,
});
const [job] = jobs.nodes;
assert.ok(job, "the example has a job");

const client = createClient({ url, headers, retryAttempts: 0 });
const watch = (id) =>
  client.iterate({ query: "subscription($id: ID!) { jobProgress(jobId: $id) { kind state } }", variables: { id } });

for await (const event of watch(job.id)) {
  assert.equal(event.data?.jobProgress.kind, job.kind, JSON.stringify(event));
  break; // It may never be over: leaving ends the request.
}
const refused = [];
for await (const event of watch(viewer.tenant.id)) refused.push(event);
assert.equal(refused.length, 1, "one refusal, then the end");
assert.equal(refused[0].errors?.[0].extensions.code, "INVALID", JSON.stringify(refused));
client.dispose();
console.log("an event, a watcher who leaves, a refusal and the end");
