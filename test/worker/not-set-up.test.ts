import { createExecutionContext, env } from 'cloudflare:test';
import { describe, expect, it, vi } from 'vitest';
import worker from '../../worker/index.ts';

describe('a Worker without its secrets', () => {
  const bare = { ...env, NODE_TOKEN: undefined, ENCRYPTION_KEYS: undefined, AUTH_SECRET: undefined };
  const ask = async (path: string, accept: string) => {
    const log = vi.spyOn(console, 'error').mockImplementation(() => undefined);
    const request = new Request(`https://api.test${path}`, { headers: { Accept: accept } });
    const response = await worker.fetch(request, bare, createExecutionContext());
    const logged = String(log.mock.calls[0]);
    for (const name of ['NODE_TOKEN', 'ENCRYPTION_KEYS', 'AUTH_SECRET']) expect(logged).toContain(name);
    vi.restoreAllMocks();
    return response;
  };

  it('answers every page with one that says what to do, and the log what is missing', async () => {
    for (const path of ['/', '/sign-in', '/nowhere']) {
      const response = await ask(path, 'text/html');
      const text = await response.text();
      expect([response.status, response.headers.get('Content-Type')]).toEqual([
        503,
        'text/html; charset=utf-8',
      ]);
      expect(response.headers.get('Content-Security-Policy')).toContain("default-src 'none'");
      expect(text).toContain('This installation is not set up yet');
      expect(text).toContain('npm run deploy');
      expect(text).not.toMatch(/NODE_TOKEN|AUTH_SECRET|\bat \w+ \(/);
    }
  });

  it('answers programs and nodes with a problem that lets them try again', async () => {
    for (const path of ['/healthz', '/v1/emails', '/node/v1/lease']) {
      const response = await ask(path, '*/*');
      expect(response.status).toBe(503);
      expect(await response.json()).toMatchObject({ code: 'not_set_up', status: 503 });
    }
  });
});
