// The server audits of graphql-http (GraphQL over HTTP), as a signed-in caller. All must be ok, also those that are a MAY.
// node audits.mjs URL, token in SUIMON_TOKEN
import { createRequire } from "node:module";

// The packages lie in a build folder, which is the working directory; this file does not.
const require = createRequire(`${process.cwd()}/package.json`);
const { serverAudits } = require("graphql-http");

const [url] = process.argv.slice(2);
const authorization = `Bearer ${process.env.SUIMON_TOKEN}`;
const fetchFn = (address, { headers, ...rest } = {}) =>
  fetch(address, { ...rest, headers: { ...headers, authorization } });

const AT_LEAST = 61;
const audits = serverAudits({ url, fetchFn });
const results = await Promise.all(audits.map(({ fn }) => fn()));
const failed = results.filter(({ status }) => status !== "ok");
for (const { id, name, status, reason } of failed) console.log(`${status} ${id} ${name}: ${reason}`);
console.log(`${results.length - failed.length} of ${results.length} audits are ok`);
process.exit(failed.length === 0 && results.length >= AT_LEAST ? 0 : 1);
