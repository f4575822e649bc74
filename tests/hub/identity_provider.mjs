// An OpenID Connect provider for the tests: oidc-provider as it is, with the users and the client of its arguments.
// Usage: node identity_provider.mjs <module of oidc-provider> <port> <JSON: {client, users}>
import { pathToFileURL } from 'node:url';

const [module, port, text] = process.argv.slice(2);
const { Provider } = await import(pathToFileURL(module));
const { client, users } = JSON.parse(text);

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [client],
  claims: { openid: ['sub'], profile: ['preferred_username', 'name', 'groups'] },
  cookies: { keys: ['a key of the tests'] },
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, ...users[id] }) })
});
provider.listen(Number(port), '127.0.0.1', () => console.log('ready'));
