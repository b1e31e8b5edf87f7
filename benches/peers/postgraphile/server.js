// PostGraphile 4 over schema.sql, as its documentation advises for production: no GraphiQL, no query log, settings of the
// request in the transaction. Writes its port to standard output.
const http = require("node:http");
const { Pool } = require("pg");
const { postgraphile } = require("postgraphile");

const { DATABASE_URL, PEER_KEY, PEER_TOKEN, PEER_TENANTS } = process.env;
const tenants = new Set(PEER_TENANTS.split(","));
const pool = new Pool({ connectionString: DATABASE_URL, max: 10 });
// An idle client whose server has stopped: the bench is over.
pool.on("error", () => {});

const handler = postgraphile(pool, "peer", {
  disableQueryLog: true,
  graphiql: false,
  disableDefaultMutations: true,
  setofFunctionsContainNulls: false,
  // Its lightest way to say who asks: a token in memory. Suimon looks its token up in the database.
  pgSettings: (request) => {
    const known = request.headers.authorization === `Bearer ${PEER_TOKEN}`;
    const tenant = request.headers["x-tenant"];
    return {
      role: "peer_reader",
      "peer.tenant": known && tenants.has(tenant) ? tenant : "",
      "peer.purpose": "bench",
      "peer.job": "officer",
      "peer.key": PEER_KEY,
    };
  },
});

const server = http.createServer(handler);
server.listen(0, "127.0.0.1", () => process.stdout.write(`${server.address().port}\n`));
