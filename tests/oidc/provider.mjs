// A provider of identity (panva's oidc-provider) on a free port of this machine. Its sign-in page takes whatever name is typed, and
// says of that person what stands in the form, so that a test decides who comes.
//   node provider.mjs FOLDER [CERTIFICATE KEY]   (where its package is installed; prints its address)
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createProtected } from 'node:https';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [folder, cert, secret] = process.argv.slice(2);
// Its advice on defaults is for a service that stays; whoever reads the address closes the pipe then.
console.info = console.warn = () => {};
const { default: Provider } = await import(pathToFileURL(join(folder, 'node_modules/oidc-provider/lib/index.js')));

const server = cert ? createProtected({ cert: readFileSync(cert), key: readFileSync(secret) }) : createServer();
await new Promise((done) => server.listen(0, '127.0.0.1', done));
const issuer = `${cert ? 'https' : 'http'}://127.0.0.1:${server.address().port}`;
const people = new Map();
const key = (type, options, alg) => ({
  ...generateKeyPairSync(type, options).privateKey.export({ format: 'jwk' }), alg, use: 'sig', kid: randomUUID(),
});

const provider = new Provider(issuer, {
  clients: [{
    client_id: 'suimon',
    client_secret: 'the secret of the client of the tests',
    redirect_uris: ['http://127.0.0.1:8480/auth/oidc/callback/corp'],
    grant_types: ['authorization_code'],
    response_types: ['code'],
    backchannel_logout_uri: 'http://127.0.0.1:8480/auth/oidc/backchannel-logout/corp',
    // Its logout tokens then name the session; otherwise only the person.
    backchannel_logout_session_required: process.env.LOGOUT !== 'person',
  }],
  jwks: { keys: [key('rsa', { modulusLength: 2048 }, 'RS256'), key('ec', { namedCurve: 'P-256' }, 'ES256')] },
  cookies: { keys: [randomUUID()] },
  pkce: { required: () => true },
  scopes: ['openid', 'profile', 'groups'],
  claims: { openid: ['sub'], profile: ['name'], groups: ['groups'] },
  acrValues: ['urn:example:two'],
  conformIdTokenClaims: false,
  features: {
    devInteractions: { enabled: false },
    backchannelLogout: { enabled: true },
    rpInitiatedLogout: { enabled: true, logoutSource: (ctx, form) => { ctx.body = form; } },
  },
  // What it sends to the service goes where the test says that the service really listens: on this machine, which its own dispatcher
  // never asks.
  fetch: (address, { dispatcher, ...options }) =>
    fetch(String(address).replace('http://127.0.0.1:8480', service), options),
  interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
  findAccount: (_, id) => ({
    accountId: id,
    claims: async () => ({ sub: id, name: `Person ${id}`, email: 'admin', groups: people.get(id) ?? [] }),
  }),
  // Everybody has agreed already.
  loadExistingGrant: async (ctx) => {
    const { client, session } = ctx.oidc;
    const grant = new ctx.oidc.provider.Grant({ clientId: client.clientId, accountId: session.accountId });
    grant.addOIDCScope('openid profile groups');
    await grant.save();
    return grant;
  },
});

let service = 'http://127.0.0.1:8480';
let told = 'none';
provider.on('backchannel.success', () => { told = 'done'; });
provider.on('backchannel.error', (_, error) => { told = `${error} ${error.cause ?? ''}`; });

const answer = provider.callback();
server.on('request', async (request, response) => {
  if (request.url.startsWith('/test/')) {
    // `/test/service/HOST:PORT`, and what became of the last logout token that was sent.
    if (request.url.startsWith('/test/service/')) service = `http://${request.url.slice('/test/service/'.length)}`;
    return response.end(told);
  }
  if (!request.url.startsWith('/interaction/')) return answer(request, response);
  try {
    const { prompt } = await provider.interactionDetails(request, response);
    if (request.method === 'GET') {
      response.setHeader('content-type', 'text/html');
      return response.end(`<form method="post"><p>${prompt.name}</p><input name="login"></form>`);
    }
    let body = '';
    for await (const part of request) body += part;
    const form = new URLSearchParams(body);
    const accountId = form.get('login');
    people.set(accountId, (form.get('groups') ?? '').split(' ').filter(Boolean));
    const login = { accountId, remember: true, acr: form.get('acr') || undefined };
    return await provider.interactionFinished(request, response, { login }, { mergeWithLastSubmission: false });
  } catch (error) {
    response.statusCode = 500;
    return response.end(String(error));
  }
});
// Ends with whoever started it.
process.stdin.on('end', () => process.exit(0)).resume();
console.log(issuer);
