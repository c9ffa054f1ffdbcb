import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dkimVerify } from 'mailauth/lib/dkim/verify.js';
import { afterAll, describe, expect, it } from 'vitest';
import { DkimSigner, oversignedFields } from '../../smtp-node/signing/dkim.ts';
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
  const result = await new DkimSigner().sign(
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
    const { header, selectors, headerIsUtf8, sizeBytes } = await sign(bytes(aMessage), [rsa, ed25519]);
    expect(selectors).toEqual(['rsa1', 'ed1']);
    expect({ headerIsUtf8, sizeBytes }).toEqual({ headerIsUtf8: false, sizeBytes: aMessage.length });
    expect(await verdicts(header + aMessage)).toEqual(['ed1 pass', 'rsa1 pass']);
  });

  it('verifies as the MX got it', async () => {
    const mx = await startFakeMx();
    const courier = courierTo(mx, { now: () => now.getTime() });
    const keys = [rsa.key, ed25519.key];
    const fields = [{ name: 'Feedback-ID', value: '7:standard::pennypost' }];
    const delivery = aDelivery({ fields });
    const outcome = await courier.deliver(delivery, bytes(aMessage), keys, { beforeData: async () => {} });
    expect(outcome).toMatchObject({ type: 'delivered', dkim: ['rsa1', 'ed1'] });
    expect(mx.messages[0]?.raw.toString()).toContain('\r\nFeedback-ID: 7:standard::pennypost\r\n');
    expect(mx.messages[0]?.mailParameters).toBe(`SIZE=${mx.messages[0]?.raw.length}`);
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

  const namesOf = (header: string) =>
    (/h=([^;]+);/.exec(unfolded(header))?.[1] ?? '').split(':').map((name) => name.trim().toLowerCase());

  it('covers the listed fields, each once more than it has it, and no others', async () => {
    const message = [
      'Received: from somewhere',
      'X-Mailer: none',
      'List-Unsubscribe-Post: List-Unsubscribe=One-Click',
      'List-Unsubscribe: <https://sender.test/u>',
      'Feedback-ID: 1:sender',
      aMessage,
    ].join('\r\n');
    const { header } = await sign(bytes(message), [ed25519]);
    const twice = [
      'content-type', 'date', 'feedback-id', 'from', 'list-unsubscribe', 'list-unsubscribe-post', 'message-id',
      'mime-version', 'subject', 'to',
    ]; // biome-ignore format: one line reads better
    expect(namesOf(header).sort()).toEqual([...twice, ...twice, 'cc', 'reply-to'].sort());
    expect(unfolded(header)).toContain('c=relaxed/relaxed');
    expect(await verdicts(header + message)).toEqual(['ed1 pass']);
  });

  it.each(oversignedFields)('does not verify with a %s more than it had, above or below', async (name) => {
    const { header } = await sign(bytes(aMessage), [rsa, ed25519]);
    for (const changed of [
      `${name}: other\r\n${header}${aMessage}`,
      header + aMessage.toString().replace('\r\n\r\n', `\r\n${name}: other\r\n\r\n`),
    ]) {
      const verdict = await verdicts(changed);
      expect(verdict.filter((entry) => entry.endsWith(' pass'))).toEqual([]);
      expect(verdict).toHaveLength(2);
    }
  });

  it('verifies although a list has added its own fields, where it had none', async () => {
    const { header } = await sign(bytes(aMessage), [rsa, ed25519]);
    const added = 'List-Unsubscribe: <https://list.test/u>\r\nFeedback-ID: x\r\n';
    expect(await verdicts(added + header + aMessage)).toEqual(['ed1 pass', 'rsa1 pass']);
  });

  it('has the fields that were added in front, signed, unless it has its own', async () => {
    const fields = [
      { name: 'Feedback-ID', value: '7:standard::pennypost' },
      { name: 'CFBL-Address', value: 'fbl@b.sender.test; report=arf' },
    ];
    const signer = new DkimSigner();
    const keys = [rsa.key, ed25519.key];
    const signed = await signer.sign(bytes(aMessage), 'sender.test', keys, now, fields);
    if (signed.kind !== 'signed') throw new Error(signed.text);
    expect(signed.header.split('\r\n').slice(-3)).toEqual([
      'Feedback-ID: 7:standard::pennypost',
      'CFBL-Address: fbl@b.sender.test; report=arf',
      '',
    ]);
    expect(await verdicts(signed.header + aMessage)).toEqual(['ed1 pass', 'rsa1 pass']);
    const changed = (signed.header + aMessage).replace('fbl@', 'evil@');
    expect((await verdicts(changed)).filter((verdict) => verdict.endsWith(' pass'))).toEqual([]);

    const own = `feedback-id: my:own\r\n${aMessage}`;
    const kept = await signer.sign(bytes(own), 'sender.test', keys, now, fields);
    if (kept.kind !== 'signed') throw new Error(kept.text);
    expect(kept.header).not.toContain('7:standard');
    expect(await verdicts(kept.header + own)).toEqual(['ed1 pass', 'rsa1 pass']);
  });

  it('is signed once for all recipients who share its bytes, and anew for other keys', async () => {
    const signer = new DkimSigner();
    const raw = bytes(aMessage);
    const keys = [rsa.key, ed25519.key];
    const first = signer.sign(raw, 'sender.test', keys, now);
    expect(await signer.sign(raw, 'sender.test', [...keys], new Date(now.getTime() + 60_000))).toBe(
      await first,
    );
    expect(await signer.sign(raw, 'other.test', keys, now)).not.toEqual(await first);
    expect(await signer.sign(raw, 'sender.test', [rsa.key], now)).toMatchObject({ selectors: ['rsa1'] });
    expect(await signer.sign(bytes(aMessage), 'sender.test', keys, now)).toEqual(await first);
  });

  it.each([
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

  it('tells when its header is UTF-8, which neither ASCII nor Latin-1 is', async () => {
    const isUtf8 = async (message: Buffer) => (await sign(bytes(message), [ed25519])).headerIsUtf8;
    const text = aMessage.toString();
    expect(await isUtf8(Buffer.from(text.replace('A message', 'Żółć')))).toBe(true);
    expect(await isUtf8(Buffer.from(text.replace('A message', 'Grüße'), 'latin1'))).toBe(false);
    expect(await isUtf8(Buffer.from(text.replace('Hello', 'Grüße')))).toBe(false);
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
    expect(await new DkimSigner().sign(bytes(aMessage), 'sender.test', keys, now)).toMatchObject({
      kind: 'unsignable',
    });
  });

  it('tells which key, and why', async () => {
    const result = await new DkimSigner().sign(
      bytes(aMessage),
      'sender.test',
      [rsaKey('short', 768).key],
      now,
    );
    expect(result).toMatchObject({ text: expect.stringMatching(/short cannot sign.*768 bits/) });
  });

  it('is unsignable without From', async () => {
    const message = aMessage.toString().replace(/^From:.*\r\n/, '');
    const result = await new DkimSigner().sign(bytes(message), 'sender.test', [rsa.key], now);
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
