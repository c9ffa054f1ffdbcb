import { env } from 'cloudflare:workers';
import { expect } from 'vitest';
import { formatSetupCode, setupCodeText } from '#domain/setup-code.ts';
import type { Browser } from '../support/browser.ts';

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
