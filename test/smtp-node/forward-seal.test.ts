import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { authenticate } from 'mailauth';
import { afterAll, describe, expect, it } from 'vitest';
import { DkimSigner } from '../../smtp-node/signing/dkim.ts';
import { ForwardSealer } from '../../smtp-node/signing/forward-seal.ts';
import type { RawSource } from '../../smtp-node/signing/raw-source.ts';
import { courierTo } from '../support/courier.ts';
import { startFakeMx } from '../support/fake-mx.ts';
import { aDelivery, aMessage, ed25519Key, rsaKey } from '../support/mail.ts';

const author = rsaKey('author');
const rsa = rsaKey('rsa1');
const ed25519 = ed25519Key('ed1');
const now = new Date('2026-11-21T00:00:00Z');
const folder = mkdtempSync(join(tmpdir(), 'seal-'));
afterAll(() => rmSync(folder, { recursive: true }));

const bytes = (message: string): RawSource => ({ kind: 'bytes', bytes: Buffer.from(message, 'latin1') });
const results =
  'spf=pass smtp.mailfrom=sender.test; dkim=pass header.d=sender.test header.s=author; dmarc=pass; arc=none';
const keys = [ed25519.key, rsa.key];

async function seal(
  message: string | RawSource,
  more: { signs?: boolean; cv?: 'none' | 'pass' | 'fail' } = {},
) {
  const sealer = new ForwardSealer(new DkimSigner(), 'mx.pennypost.test');
  const forward = { signs: more.signs ?? false, seal: { results, cv: more.cv ?? ('none' as const) } };
  const raw = typeof message === 'string' ? bytes(message) : message;
  const result = await sealer.seal(raw, { domain: 'alias.test', keys, now }, forward);
  if (result.kind === 'unsignable') throw new Error(result.text);
  return result;
}

/** What mailauth, as a receiver, says of a message. */
async function judged(message: string) {
  const records = new Map([
    ['author._domainkey.sender.test', author.record],
    ['rsa1._domainkey.alias.test', rsa.record],
    ['ed1._domainkey.alias.test', ed25519.record],
  ]);
  const { arc, dkim } = await authenticate(Buffer.from(message, 'latin1'), {
    ip: '192.0.2.1',
    helo: 'mx.pennypost.test',
    sender: 'b-x@bounces.pennypost.test',
    mta: 'mx.home.test',
    disableBimi: true,
    disableDmarc: true,
    resolver: async (name: string) => {
      const record = records.get(name);
      if (record === undefined) throw Object.assign(new Error('no such name'), { code: 'ENOTFOUND' });
      return [[record]];
    },
  });
  return {
    arc: arc ? { result: arc.status.result, i: arc.i, said: arc.authenticationResults } : null,
    dkim: dkim.results.map(({ signingDomain, status }) => `${signingDomain} ${status.result}`),
  };
}

async function signedByAuthor(): Promise<string> {
  const signed = await new DkimSigner().sign(
    bytes(aMessage.toString('latin1')),
    'sender.test',
    [author.key],
    now,
  );
  if (signed.kind === 'unsignable') throw new Error(signed.text);
  return signed.header + aMessage.toString('latin1');
}

describe('a message that is sent on', () => {
  it('has an ARC set in front that verifies, with what was found on arrival, and the author’s signature is good still', async () => {
    const message = await signedByAuthor();
    const { header, selectors, sizeBytes } = await seal(message);
    expect({ selectors, sizeBytes }).toEqual({ selectors: [], sizeBytes: message.length });
    expect(header).toMatch(/^ARC-Seal: i=1; a=rsa-sha256; /);
    expect(header).toMatch(
      /\r\nARC-Authentication-Results: i=1; mx\.pennypost\.test;\r\n spf=pass smtp\.mailfrom=sender\.test;\r\n/,
    );
    const found = await judged(header + message);
    expect(found).toMatchObject({
      arc: { result: 'pass', i: 1, said: { mta: 'mx.pennypost.test', spf: { result: 'pass' } } },
      dkim: ['sender.test pass'],
    });
  });

  it('has a set more when it came with a chain that was good', async () => {
    const message = await signedByAuthor();
    const first = (await seal(message)).header + message;
    const second = (await seal(first, { cv: 'pass' })).header + first;
    expect(await judged(second)).toMatchObject({ arc: { result: 'pass', i: 2 } });
    expect(await judged(`${second}A line more.\r\n`)).toMatchObject({ arc: { result: 'fail' } });
  });

  it('says that the chain has failed, and no more after that', async () => {
    const message = await signedByAuthor();
    const first = (await seal(message)).header + message;
    const failed = (await seal(first, { cv: 'fail' })).header + first;
    expect(failed).toMatch(/^ARC-Seal: i=2; [\s\S]*?cv=fail/);
    expect(await judged(failed)).toMatchObject({ arc: { result: 'fail' } });
    expect((await seal(failed, { cv: 'fail' })).header).toBe('');
  });

  it('is signed below the set where From is ours', async () => {
    const message = aMessage.toString('latin1');
    const { header, selectors } = await seal(message, { signs: true });
    expect(selectors).toEqual(['ed1', 'rsa1']);
    const found = await judged(header + message);
    expect(found.arc).toMatchObject({ result: 'pass', i: 1 });
    expect(found.dkim).toEqual(['alias.test pass', 'alias.test pass']);
  });

  it('goes without a set where there is no key for it, and not at all where it must be signed', async () => {
    const sealer = new ForwardSealer(new DkimSigner(), 'mx.pennypost.test');
    const raw = bytes(aMessage.toString('latin1'));
    const by = { domain: 'alias.test', keys: [], now };
    const set = { results, cv: 'none' as const };
    expect(await sealer.seal(raw, by, { signs: false, seal: set })).toMatchObject({
      kind: 'signed',
      header: '',
    });
    const other = bytes(aMessage.toString('latin1'));
    expect(await sealer.seal(other, by, { signs: true, seal: set })).toMatchObject({ kind: 'unsignable' });
  });

  it('is sealed the same from a file, and once for all of its recipients', async () => {
    const message = await signedByAuthor();
    const path = join(folder, 'message');
    writeFileSync(path, message, 'latin1');
    const raw: RawSource = { kind: 'file', path, sizeBytes: message.length };
    const { header } = await seal(raw);
    expect(header).toBe((await seal(message)).header);
  });

  it('verifies as the MX got it, from the null sender too', async () => {
    const mx = await startFakeMx();
    const courier = courierTo(mx, { now: () => now.getTime() });
    const message = await signedByAuthor();
    const delivery = aDelivery({
      mailFrom: '',
      signingDomain: 'alias.test',
      forward: { signs: false, seal: { results, cv: 'none' } },
    });
    const outcome = await courier.deliver(delivery, bytes(message), keys, { beforeData: async () => {} });
    expect(outcome).toMatchObject({ type: 'delivered', dkim: [] });
    const [got] = mx.messages;
    expect(got?.from).toBe('');
    expect(await judged(got?.raw.toString('latin1') ?? '')).toMatchObject({
      arc: { result: 'pass', i: 1 },
      dkim: ['sender.test pass'],
    });
    await courier.close();
    await mx.close();
  });
});
