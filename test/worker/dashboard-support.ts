import { env } from 'cloudflare:workers';
import type { Email } from 'postal-mime';
import { expect } from 'vitest';
import { formatSetupCode, setupCodeText } from '#domain/setup-code.ts';
import { addMember, ensureOrganization, type Role } from '../../worker/store/auth.ts';
import { chooseSystemDomain } from '../../worker/store/system-mail.ts';
import type { Browser } from '../support/browser.ts';
import { bindings, parsedMail, testStore } from './support.ts';

/** The set-up code, derived as the operator's console does. */
export async function setupCode(): Promise<string> {
  const secret = new TextEncoder().encode((env as unknown as { AUTH_SECRET: string }).AUTH_SECRET);
  const key = await crypto.subtle.importKey('raw', secret, { name: 'HMAC', hash: 'SHA-256' }, false, [
    'sign',
  ]);
  const mac = await crypto.subtle.sign('HMAC', key, new TextEncoder().encode(setupCodeText));
  return formatSetupCode(new Uint8Array(mac));
}

/** Makes the first owner, of the oldest account; signed in afterwards. */
export async function setUpOwner(
  browser: Browser,
  of: { email: string; password: string },
): Promise<Browser> {
  const response = await browser.post('/set-up', { ...of, name: 'Olga', code: await setupCode() });
  expect(response.headers.get('Location')).toBe('/?done=welcome');
  return browser;
}

export async function signIn(
  browser: Browser,
  email: string,
  password: string,
): Promise<{ browser: Browser; response: Response }> {
  return { browser, response: await browser.post('/sign-in', { email, password }) };
}

/** A page as text, the marks of its elements left out. */
export async function textOf(response: Response): Promise<string> {
  return (await response.text()).replace(/<[^>]+>/g, '').replace(/\s+/g, ' ');
}

/** Makes somebody with a role in an account, past the pages; gives the mail address. */
export async function newMember(account: { id: number }, role: Role): Promise<string> {
  const nowMs = Date.now();
  const userId = crypto.randomUUID();
  const email = `${role}-${userId.slice(0, 8)}@people.example`;
  await bindings.DB.prepare(
    'INSERT INTO auth_users (id, name, email, email_verified, created_at, updated_at) VALUES (?, ?, ?, 1, ?, ?)',
  )
    .bind(userId, role, email, nowMs, nowMs)
    .run();
  const store = testStore();
  const organizationId = await ensureOrganization(store, { id: account.id, name: 'Demo' }, nowMs);
  await addMember(store, { organizationId, userId, role, nowMs });
  return email;
}

/** Makes an operator who owns the account and has chosen its domain for mail of the installation itself. */
export async function letInstallationMail(account: { id: number; domain: string }): Promise<void> {
  const email = await newMember(account, 'owner');
  await bindings.DB.prepare('UPDATE auth_users SET operator = 1 WHERE email = ?').bind(email).run();
  await chooseSystemDomain(testStore(), account.domain, Date.now());
}

/** What stands behind the # of the link in the newest mail to somebody. */
export async function mailedSecret(recipient: string): Promise<string> {
  const text = (await mailsTo(recipient)).at(-1)?.text ?? '';
  return /https:\/\/api\.test\/\S+#([\w-]+)/.exec(text)?.[1] ?? '';
}

/** Accepts the invitation that was mailed to somebody new; gives the answer. */
export async function acceptMailed(
  browser: Browser,
  email: string,
  fields: Record<string, string>,
): Promise<Response> {
  await browser.post('/invitation/open', { token: await mailedSecret(email) });
  return await browser.post('/invitation', fields);
}

/** What has been accepted for a recipient, oldest first, as a parser reads it. */
export async function mailsTo(recipient: string): Promise<Email[]> {
  const { results: tables } = await bindings.DB.prepare(
    "SELECT name FROM sqlite_master WHERE name LIKE 'deliveries_%' AND type = 'table' ORDER BY name",
  ).all<{ name: string }>();
  const mails: Email[] = [];
  for (const { name } of tables) {
    const { results } = await bindings.DB.prepare(
      `SELECT message_id AS id FROM "${name}" WHERE recipient = ? ORDER BY message_seq`,
    )
      .bind(recipient)
      .all<{ id: string }>();
    for (const { id } of results) mails.push(await parsedMail(id));
  }
  return mails;
}
