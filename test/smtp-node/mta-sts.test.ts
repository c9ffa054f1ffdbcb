import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MTASTSPolicyResult } from 'mailauth/lib/mta-sts.js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lookUpBy, StsPolicies } from '../../smtp-node/tls-policy/mta-sts.ts';

type Found = MTASTSPolicyResult;
const dayMs = 86_400_000;

let folder: string;
let nowMs: number;
let asked: (string | false | undefined)[];
let answer: (known: Found['policy'] | null) => Found;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pennypost-sts-'));
  nowMs = Date.now();
  asked = [];
  opened = [];
});
afterEach(async () => {
  await Promise.all(opened.map((policies) => policies.saved()));
  await rm(folder, { recursive: true });
});
let opened: StsPolicies[] = [];

const found = (id: string, mode: 'enforce' | 'testing' | 'none' = 'enforce', days = 7): Found => ({
  status: 'found',
  policy: {
    id,
    mode,
    mx: ['mx.test'],
    maxAge: days * 86_400,
    expires: new Date(nowMs + days * dayMs).toISOString(),
  },
});
const failed = (known: Found['policy'] | null): Found => ({
  status: 'errored',
  policy: { ...(known ?? { id: false, mode: 'none' }), error: new Error('away') as never },
});

function open(file: string | null = join(folder, 'sts.json')): StsPolicies {
  const policies = new StsPolicies({
    lookUp: async (_domain, known) => {
      asked.push(known?.id);
      return answer(known);
    },
    file,
    now: () => nowMs,
    onFault: () => undefined,
  });
  opened.push(policies);
  return policies;
}

describe('MTA-STS policies', () => {
  it('are asked for once, and again after ten minutes', async () => {
    answer = () => found('1');
    const policies = open();
    expect(await Promise.all([policies.of('a.test'), policies.of('a.test')])).toMatchObject([
      { id: '1' },
      { id: '1' },
    ]);
    nowMs += 9 * 60_000;
    await policies.of('a.test');
    expect(asked).toEqual([undefined]);
    nowMs += 2 * 60_000;
    await policies.of('a.test');
    expect(asked).toEqual([undefined, '1']);
  });

  it('bind us while they last, whatever DNS and HTTPS fail to tell, and nobody waits for that', async () => {
    answer = () => found('1');
    const policies = open();
    await policies.of('a.test');
    answer = failed;
    for (const days of [1, 3, 6]) {
      nowMs += dayMs;
      expect(await policies.of('a.test'), `day ${days}`).toMatchObject({ id: '1', mode: 'enforce' });
    }
    nowMs += 5 * dayMs;
    expect(await policies.of('a.test')).toBeNull();
  });

  it('change when their id does, for the message after', async () => {
    answer = () => found('1');
    const policies = open();
    await policies.of('a.test');
    answer = () => found('2', 'none');
    nowMs += dayMs;
    expect(await policies.of('a.test')).toMatchObject({ id: '1' });
    await expect.poll(() => policies.of('a.test')).toBeNull();
  });

  it('outlive the node', async () => {
    answer = () => found('1');
    const policies = open();
    await policies.of('a.test');
    await policies.saved();
    expect((await stat(join(folder, 'sts.json'))).mode & 0o077).toBe(0);
    const next = open();
    await next.load();
    answer = failed;
    nowMs += dayMs;
    expect(await next.of('a.test')).toMatchObject({ id: '1', mode: 'enforce', mx: ['mx.test'] });
  });

  it('that were used are fetched anew before they end, whatever their id', async () => {
    answer = () => found('1');
    const policies = open();
    await policies.of('a.test');
    await policies.refresh();
    expect(asked).toHaveLength(1);
    nowMs += 4 * dayMs;
    await policies.refresh();
    expect(asked).toEqual([undefined, '1.']);
    nowMs += 4 * dayMs;
    answer = failed;
    await policies.refresh();
    // That failed, and the policy of before goes on.
    expect(await policies.of('a.test')).toMatchObject({ id: '1' });
  });

  it('that nobody used are let go', async () => {
    answer = () => found('1', 'enforce', 1);
    const policies = open();
    await policies.of('a.test');
    nowMs += 3 * dayMs;
    await policies.refresh();
    expect(asked).toHaveLength(1);
  });

  it('are kept in memory where the disk does not take them', async () => {
    answer = () => found('1');
    const policies = open(join(folder, 'no', 'such', 'folder'));
    expect(await policies.of('a.test')).toMatchObject({ id: '1' });
    await policies.saved();
  });

  it.each([
    ['http_status_404', 'sts-policy-fetch-error'],
    ['ECONNREFUSED', 'sts-policy-fetch-error'],
    ['invalid_sts_mode', 'sts-policy-invalid'],
    ['policy_too_large', 'sts-policy-invalid'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'sts-webpki-invalid'],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'sts-webpki-invalid'],
  ])('that could not be had say why, in the words of RFC 8460: %s', async (code, type) => {
    const error = Object.assign(new Error('away'), { code }) as never;
    answer = () => ({ status: 'errored', policy: { id: '1', mode: 'none', error } });
    const policies = open(null);
    expect(await policies.of('a.test')).toBeNull();
    expect(policies.faultOf('a.test')).toEqual({ type, text: 'away' });
    answer = () => found('1');
    nowMs += 11 * 60_000;
    await policies.of('a.test');
    expect(policies.faultOf('a.test')).toBeNull();
  });

  it('say nothing where DNS did not tell whether there is one', async () => {
    answer = failed;
    const policies = open(null);
    await policies.of('a.test');
    expect(policies.faultOf('a.test')).toBeNull();
  });

  it('are none where the record is not as RFC 8461 has it', async () => {
    const records: Record<string, string[][]> = {
      '_mta-sts.twice.test': [['v=STSv1; id=1;'], ['v=STSv1; id=2;']],
      '_mta-sts.other.test': [['v=STSv2; id=1;']],
      '_mta-sts.noid.test': [['v=STSv1;']],
    };
    const lookUp = lookUpBy(async (name) => {
      const texts = records[name];
      if (texts) return texts;
      throw Object.assign(new Error(name), { code: 'ENOTFOUND' });
    }, false);
    for (const domain of ['twice.test', 'other.test', 'noid.test', 'none.test'])
      expect((await lookUp(domain, null)).policy, domain).toMatchObject({ id: false, mode: 'none' });
  });

  it.each(['127.0.0.1', '10.1.2.3', '169.254.169.254', '::1', 'fd00::1'])(
    'are fetched from no address of our own: %s',
    async (address) => {
      const type = address.includes(':') ? 'AAAA' : 'A';
      const lookUp = lookUpBy(async (name, asked) => {
        if (name === '_mta-sts.a.test') return [['v=STSv1; id=1;']];
        return asked === type ? [address] : [];
      }, false);
      const { status, policy } = await lookUp('a.test', null);
      expect(status).toBe('errored');
      expect(policy.error?.message).toContain('not public');
    },
  );
});
