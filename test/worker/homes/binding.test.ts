import { beforeAll, describe, expect, it } from 'vitest';
import { carryNow, RecordingBinding } from '../binding-support.ts';
import { allEvents, call, meteredEnv, migrate, type TestAccount } from '../support.ts';
import { accountAt, send } from './support.ts';

const operator = 'test-operator-token-0123456789abcdef01234';
const binding = new RecordingBinding();
const environment = { ...meteredEnv, EMAIL: binding };
let accounts: TestAccount[];

beforeAll(async () => {
  await migrate();
  accounts = [await accountAt(0), await accountAt(1), await accountAt(2)];
  const admin = (method: string, path: string, body: unknown) =>
    call(method, `/admin/v1${path}`, operator, body, {}, environment);
  await admin('POST', '/transports', { name: 'cf', preset: 'cloudflare-binding' });
  await admin('PUT', '/transport-rules', { rules: [{ route: ['direct', 'cf'] }] });
});

describe('without a node', () => {
  it('the mail of every home leaves by the binding, each once', async () => {
    for (const account of accounts) for (let i = 0; i < 3; i++) await send(account);
    await carryNow(environment);
    await carryNow(environment);
    expect(binding.taken).toHaveLength(9);
    for (const account of accounts) {
      const kinds = (await allEvents(account.live)).map(({ kind }) => kind);
      expect(kinds.filter((kind) => kind === 'delivered')).toHaveLength(3);
    }
  });
});
