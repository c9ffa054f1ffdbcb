import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dkimVerify } from 'mailauth/lib/dkim/verify.js';
import { afterAll, describe, expect, it } from 'vitest';
import { signDkim } from '../../smtp-node/signing/dkim.ts';
import type { RawSource } from '../../smtp-node/signing/raw-source.ts';
import { courierTo } from '../support/courier.ts';
import { startFakeMx } from '../support/fake-mx.ts';
import { aDelivery, aMessage, ed25519Key, rsaKey, type TestKey } from '../support/mail.ts';

const rsa = rsaKey('rsa1');
const ed25519 = ed25519Key('ed1');
const now = new Date('2026-11-21T00:00:00Z');
const folder = mkdtempSync(join(tmpdir(), 'dkim-'));
afterAll(() => rmSync(folder, { recursive: true }));

const bytes = (message: Buffer | string): RawSource => ({ kind: 'bytes', bytes: Buffer.from(message) });

async function sign(raw: RawSource, keys: readonly TestKey[]) {
  const result = await signDkim(
    raw,
    'sender.test',
    keys.map((entry) => entry.key),
    now,
  );
  if (result.kind === 'unsignable') throw new Error(result.text);
  return result;
}

/** What mailauth's own verifier says of each signature. */
async function verdicts(message: Buffer | string): Promise<string[]> {
  const { results } = await dkimVerify(Buffer.from(message), {
    curTime: now,
    resolver: async (name: string) => {
      const found = [rsa, ed25519].find(({ key }) => name === `${key.selector}._domainkey.sender.test`);
      if (!found) throw Object.assign(new Error('no such name'), { code: 'ENOTFOUND' });
      return [[found.record]];
    },
  });
  return results.map((result) => `${result.selector} ${result.status.result}`).sort();
}

const unfolded = (header: string) => header.replace(/\r\n[ \t]+/g, ' ');

describe('a signed message', () => {
  it('verifies with both of its signatures', async () => {
    const { header, selectors, headerIsAscii, sizeBytes } = await sign(bytes(aMessage), [rsa, ed25519]);
    expect(selectors).toEqual(['rsa1', 'ed1']);
    expect({ headerIsAscii, sizeBytes }).toEqual({ headerIsAscii: true, sizeBytes: aMessage.length });
    expect(await verdicts(header + aMessage)).toEqual(['ed1 pass', 'rsa1 pass']);
  });

  it('verifies as the MX got it', async () => {
    const mx = await startFakeMx();
    const courier = courierTo(mx, { now: () => now.getTime() });
    const keys = [rsa.key, ed25519.key];
    const outcome = await courier.deliver(aDelivery(), bytes(aMessage), keys, { beforeData: async () => {} });
    expect(outcome).toMatchObject({ type: 'delivered', dkim: ['rsa1', 'ed1'] });
    expect(await verdicts(mx.messages[0]?.raw ?? '')).toEqual(['ed1 pass', 'rsa1 pass']);
    await courier.close();
    await mx.close();
  });

  it('is signed the same from a file as from memory', async () => {
    const path = join(folder, 'message.eml');
    const large = Buffer.concat([aMessage, Buffer.alloc(300_000, 'Zeile mit Text. \r\n')]);
    writeFileSync(path, large);
    const fromFile = await sign({ kind: 'file', path, sizeBytes: large.length }, [ed25519]);
    expect(fromFile).toEqual(await sign(bytes(large), [ed25519]));
    expect(await verdicts(Buffer.concat([Buffer.from(fromFile.header), large]))).toEqual(['ed1 pass']);
  });

  it('covers the listed fields that it has, From once more than it has, and no others', async () => {
    const message = [
      'Received: from somewhere',
      'X-Mailer: none',
      'List-Unsubscribe-Post: List-Unsubscribe=One-Click',
      'List-Unsubscribe: <https://sender.test/u>',
      'Feedback-ID: 1:sender',
      aMessage,
    ].join('\r\n');
    const { header } = await sign(bytes(message), [ed25519]);
    const fields = /h=([^;]+);/
      .exec(unfolded(header))?.[1]
      ?.split(':')
      .map((name) => name.trim().toLowerCase());
    expect(fields?.filter((name) => name === 'from')).toHaveLength(2);
    expect([...new Set(fields)].sort()).toEqual([
      'content-type',
      'date',
      'feedback-id',
      'from',
      'list-unsubscribe',
      'list-unsubscribe-post',
      'message-id',
      'mime-version',
      'subject',
      'to',
    ]);
    expect(unfolded(header)).toContain('c=relaxed/relaxed');
    expect(await verdicts(header + message)).toEqual(['ed1 pass']);
  });

  it.each([
    ['a second From above', (signed: string) => `From: Evil <evil@other.test>\r\n${signed}`],
    [
      'a second From below',
      (signed: string) => signed.replace('\r\nTo:', '\r\nFrom: evil@other.test\r\nTo:'),
    ],
    ['another subject', (signed: string) => signed.replace('A message', 'B message')],
    ['another body', (signed: string) => signed.replace('Hello.', 'Hullo.')],
  ])('does not verify with %s', async (_what, change) => {
    const { header } = await sign(bytes(aMessage), [rsa, ed25519]);
    const verdict = await verdicts(change(header + aMessage));
    expect(verdict.filter((entry) => entry.endsWith(' pass'))).toEqual([]);
    expect(verdict).toHaveLength(2);
  });

  it.each([
    ['List-Unsubscribe', 'https://sender.test/u/', 'https://other.test/u/'],
    ['List-Unsubscribe-Post', 'One-Click', 'Two-Click'],
  ])('does not verify with another %s (RFC 8058 §4)', async (_name, was, is) => {
    const fields = [
      'List-Unsubscribe: <https://sender.test/u/token>',
      'List-Unsubscribe-Post: List-Unsubscribe=One-Click',
    ];
    const message = [...fields, aMessage].join('\r\n');
    const { header } = await sign(bytes(message), [rsa, ed25519]);
    expect(await verdicts(header + message)).toEqual(['ed1 pass', 'rsa1 pass']);
    const changed = await verdicts(header + message.replace(was, is));
    expect(changed.filter((verdict) => verdict.endsWith(' pass'))).toEqual([]);
  });

  it('verifies although its lines did not all end in CRLF, as it is sent with CRLF', async () => {
    const crlf = aMessage.toString();
    const { header } = await sign(bytes(crlf.replaceAll('\r\n', '\n')), [ed25519]);
    expect(await verdicts(header + crlf)).toEqual(['ed1 pass']);
  });

  it('tells when its header is not ASCII', async () => {
    const result = await sign(bytes(aMessage.toString().replace('A message', 'Żółć')), [ed25519]);
    expect(result.headerIsAscii).toBe(false);
    const body = await sign(bytes(aMessage.toString().replace('Hello', 'Grüße')), [ed25519]);
    expect(body.headerIsAscii).toBe(true);
  });
});

describe('a message that cannot be signed with every key', () => {
  const other = rsaKey('rsa2').key;
  const cases = [
    ['no key at all', []],
    ['a key that is no PEM', [{ ...rsa.key, privateKey: 'not a key' }]],
    ['a key of another algorithm', [{ ...rsa.key, privateKey: ed25519.key.privateKey }]],
    ['an RSA key that is too short', [rsaKey('short', 768).key]],
    ['a selector that breaks out of its tag', [{ ...rsa.key, selector: 'a; d=other.test' }]],
    ['one good key and one bad', [other, { ...ed25519.key, privateKey: '' }]],
  ] as const;

  it.each(cases)('is unsignable (%s)', async (_name, keys) => {
    expect(await signDkim(bytes(aMessage), 'sender.test', keys, now)).toMatchObject({ kind: 'unsignable' });
  });

  it('tells which key, and why', async () => {
    const result = await signDkim(bytes(aMessage), 'sender.test', [rsaKey('short', 768).key], now);
    expect(result).toMatchObject({ text: expect.stringMatching(/short cannot sign.*768 bits/) });
  });

  it('is unsignable without From', async () => {
    const message = aMessage.toString().replace(/^From:.*\r\n/, '');
    const result = await signDkim(bytes(message), 'sender.test', [rsa.key], now);
    expect(result).toMatchObject({ kind: 'unsignable' });
  });

  it.each(cases)('is never sent unsigned (%s)', async (_name, keys) => {
    const mx = await startFakeMx();
    const courier = courierTo(mx);
    const outcome = await courier.deliver(aDelivery(), bytes(aMessage), keys, { beforeData: async () => {} });
    expect(outcome).toMatchObject({ type: 'failed', reason: 'unsignable' });
    expect(mx.connections).toBe(0);
    await courier.close();
    await mx.close();
  });
});
