import { beforeAll, describe, expect, it } from 'vitest';
import type { RecipientPolicy } from '#domain/delivery/recipient-policy.ts';
import { findPolicy, keepPolicies, purgePolicies } from '../../worker/store/recipient-policies.ts';
import { Browser } from '../support/browser.ts';
import { setUpOwner, textOf } from './dashboard-support.ts';
import {
  call,
  delivered,
  mail,
  migrate,
  newAccount,
  nodeToken,
  request,
  result,
  type TestAccount,
  TestNode,
  testStore,
} from './support.ts';

const dayMs = 86_400_000;
const asking: RecipientPolicy = {
  domain: 'example.net',
  sts: {
    id: '20261101',
    mode: 'enforce',
    mx: ['mx.example.net', '*.mail.example.net'],
    expiresMs: Date.now() + 7 * dayMs,
  },
  stsFault: null,
  dane: [{ host: 'mx.example.net', state: 'records', records: [`3 1 1 ${'ab'.repeat(32)}`] }],
};

let account: TestAccount;
let owner: Browser;
let node: TestNode;
beforeAll(async () => {
  await migrate();
  account = await newAccount();
  owner = await setUpOwner(new Browser('https://api.test', (path, init) => request(path, init)), {
    email: 'owner@people.example',
    password: 'a long enough sentence',
  });
  node = await new TestNode().hello();
});

const tell = async (policies: unknown[]) =>
  (await call('POST', '/node/v1/tls-policies', await nodeToken(), { policies })).status;

describe('what a recipient domain asks of TLS', () => {
  it('stands on its page, with what the last mail used', async () => {
    const { body } = await call('POST', '/v1/send', account.live, mail(account, { to: ['a@example.net'] }));
    const tls = {
      version: 'TLSv1.3',
      cipher: 'TLS_AES_256_GCM_SHA384',
      verdict: 'verified',
      issuer: 'Some Authority',
      expires: '2027-02-01T00:00:00.000Z',
      policy: { source: 'mta-sts', mode: 'enforce' },
    };
    const { deliveries } = await node.lease();
    const mx = { host: 'mx.example.net', address: '192.0.2.1' };
    const session = { mx, tls, reused: false, steps: [], tried: [] };
    const outcome = { ...delivered, session };
    await node.post('results', { results: deliveries.map((one: object) => result(one, outcome)) });
    expect(await tell([asking])).toBe(204);

    const text = await textOf(await owner.get('/recipients/example.net'));
    expect(text).toContain('enforce Mail goes only to hosts that it names');
    expect(text).toContain('20261101, kept until');
    expect(text).toContain('mx.example.net, *.mail.example.net');
    expect(text).toContain('the certificate must be one of those that DNS names3 1 1 ab');
    expect(text).toContain('TLSv1.3TLS_AES_256_GCM_SHA384, certificate verified');
    expect(text).toContain('issued by Some Authority, valid until 2027-02-01');
    expect(text).toContain('asked for by MTA-STS');

    const message = await (await owner.get(`/messages/${body.message_id}`)).text();
    expect(message).toContain('href="/recipients/example.net"');
    expect(await textOf(await owner.get(`/messages/${body.message_id}`))).toContain('asked for by MTA-STS');
  });

  it('is nothing where no node has seen it ask', async () => {
    const text = await textOf(await owner.get('/recipients/quiet.example'));
    expect(text).toContain('No node has seen it ask for anything');
    expect(text).toContain('None of your newest messages went to quiet.example');
  });

  it('may be a policy that could not be had', async () => {
    const fault = 'Invalid response code 404';
    await tell([{ ...asking, domain: 'broken.example', sts: null, stsFault: fault, dane: [] }]);
    const text = await textOf(await owner.get('/recipients/broken.example'));
    expect(text).toContain(`announces a policy that could not be had, so there is none: ${fault}`);
  });

  it('is found by A-labels for a name of letters beyond ASCII', async () => {
    await tell([{ ...asking, domain: 'xn--bcher-kva.example' }]);
    const text = await textOf(await owner.get(`/recipients/${encodeURIComponent('bücher.example')}`));
    expect(text).toContain('20261101');
  });

  it.each(['nodot', 'a b.example', '-.example'])('is not asked of what is no domain: %s', async (name) => {
    expect((await owner.get(`/recipients/${encodeURIComponent(name)}`)).status).toBe(404);
  });

  it('changes as nodes tell it, and costs nothing while it stays', async () => {
    const nowMs = Date.now();
    const spent = async (policy: RecipientPolicy, atMs: number) => {
      const one = testStore();
      await keepPolicies(one, [policy], atMs);
      return one.cost.rowsWritten;
    };
    const policy = { ...asking, domain: 'changes.example' };
    expect(await spent(policy, nowMs)).toBe(1);
    expect(await spent(policy, nowMs + dayMs)).toBe(0);
    expect(await spent({ ...policy, sts: null }, nowMs + dayMs)).toBe(1);
    expect(await spent({ ...policy, sts: null }, nowMs + 8 * dayMs)).toBe(1);
    expect(await findPolicy(testStore(), 'changes.example')).toEqual({
      policy: { ...policy, sts: null },
      seenAtMs: nowMs + 8 * dayMs,
    });
  });

  it('is forgotten when nobody has sent there for three months', async () => {
    const nowMs = Date.now();
    await keepPolicies(testStore(), [{ ...asking, domain: 'old.example' }], nowMs - 91 * dayMs);
    expect(await purgePolicies(testStore(), nowMs)).toBe(false);
    expect(await findPolicy(testStore(), 'old.example')).toBeNull();
    expect(await findPolicy(testStore(), 'example.net')).not.toBeNull();
  });

  it.each([
    ['a domain that is none', { ...asking, domain: 'a b' }],
    ['a mode that is none', { ...asking, sts: { ...asking.sts, mode: 'none' } }],
    ['more hosts than a policy may name', { ...asking, sts: { ...asking.sts, mx: Array(51).fill('a') } }],
  ])('is refused with %s', async (_, policy) => {
    expect(await tell([policy])).toBe(400);
  });
});
