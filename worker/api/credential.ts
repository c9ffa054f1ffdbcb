import { sandboxAddress } from '#domain/message/sandbox.ts';
import { newApp } from '../http/app.ts';

/** `GET /v1/credential`: what the key is. SMTP nodes ask it at AUTH, with the client's own key. */
export const credentialApp = newApp();

credentialApp.get('/credential', (c) => {
  const { accountId, username, environment, scopes, domains } = c.get('credential');
  const sandbox = sandboxAddress(c.get('env').serviceDomain, accountId);
  return c.json({ username, environment, scopes, domains, sandbox_address: sandbox });
});
