import { newApp } from '../http/app.ts';

/** `GET /v1/credential`: what the key is. SMTP nodes ask it at AUTH, with the client's own key. */
export const credentialApp = newApp();

credentialApp.get('/credential', (c) => {
  const { username, environment, scopes, domains } = c.get('credential');
  return c.json({ username, environment, scopes, domains });
});
