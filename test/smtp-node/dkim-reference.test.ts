import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { DkimSigner } from '../../smtp-node/signing/dkim.ts';
import type { RawSource } from '../../smtp-node/signing/raw-source.ts';
import { ed25519Key, rsaKey } from '../support/mail.ts';
import { signByMailauth } from '../support/reference-signer.ts';

const keys = [rsaKey('rsa1', 1024).key, ed25519Key('ed1').key];
const now = new Date('2026-11-26T00:00:00Z');
const folder = mkdtempSync(join(tmpdir(), 'dkim-reference-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Text of blanks, line ends and others, as a body or the value of a field may have it. */
const text = (parts: readonly string[], maxLength: number) =>
  fc.array(fc.constantFrom(...parts), { maxLength }).map((list) => list.join(''));
const blanks = [' ', '  ', '\t', ' \t'];
const words = ['a', 'Word', '.', ':', ';', '=', '\xe9\xff', '\xc3\xa9', 'x'.repeat(100)];
const value = text([...blanks, ...words, '\r\n ', '\r\n\t', '\r\n \r\n '], 12);
const names = [
  'From', 'FROM', 'to', 'Cc', 'Subject', 'SUBJECT', 'Date', 'reply-to', 'Message-ID', 'MIME-Version', 'Content-Type',
  'List-Unsubscribe', 'List-Unsubscribe-Post', 'Feedback-ID', 'Received', 'X-Other', 'DKIM-Signature',
]; // biome-ignore format: one line reads better
const field = fc.tuple(fc.constantFrom(...names), value).map(([name, of]) => `${name}:${of}\r\n`);
const body = text([...blanks, ...words, '\r\n', '\r\n', '\r\n\r\n', ' \r\n', '\r\n'.repeat(40)], 60);
const message = fc
  .tuple(fc.array(field, { maxLength: 12 }), fc.array(field, { maxLength: 4 }), fc.option(body))
  .map(([before, after, rest]) =>
    Buffer.from(
      `${before.join('')}From: a@sender.test\r\n${after.join('')}${rest === null ? '' : `\r\n${rest}`}`,
      'latin1',
    ),
  );

/** Fields without their folding, which changes nothing; `b=` without its blanks. */
const unfolded = (header: string) =>
  header
    .split(/\r\n(?![ \t])/)
    .filter((line) => line !== '')
    .map((line) => line.replace(/\r\n[ \t]+/g, ' ').replace(/(?<=; b=).*/, (b) => b.replaceAll(' ', '')));

async function ours(raw: RawSource): Promise<string[]> {
  const result = await new DkimSigner().sign(raw, 'sender.test', keys, now);
  if (result.kind === 'unsignable') throw new Error(result.text);
  expect(Math.max(...result.header.split('\r\n').map((line) => line.length))).toBeLessThanOrEqual(78);
  return unfolded(result.header);
}

describe('our signatures', () => {
  it('are those of mailauth, octet for octet', async () => {
    await fc.assert(
      fc.asyncProperty(message, async (bytes) => {
        const theirs = await signByMailauth(bytes, 'sender.test', keys, now);
        expect(await ours({ kind: 'bytes', bytes })).toEqual(theirs.flatMap(unfolded));
      }),
      { numRuns: 500 },
    );
  });

  it('are the same when the message is read in pieces, wherever they end', async () => {
    const path = join(folder, 'message.eml');
    // Blocks of a file have 64 KiB; header, blanks and empty lines lie across their ends.
    const parts = fc.constantFrom(' '.repeat(7), '\r\n'.repeat(9), 'words and  blanks \t\r\n', '\t\r\n', 'x');
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 12 }),
        fc.array(parts, { maxLength: 40 }),
        async (shift, list) => {
          const filler = 'x'.repeat(65_536 - 40 - shift);
          const bytes = Buffer.from(
            `X: ${filler}\r\nFrom: a@b\r\n\r\n${list.join('')}${filler}${list.join('')}y`,
          );
          writeFileSync(path, bytes);
          const theirs = await signByMailauth(bytes, 'sender.test', keys, now);
          expect(await ours({ kind: 'file', path, sizeBytes: bytes.length })).toEqual(
            theirs.flatMap(unfolded),
          );
        },
      ),
      { numRuns: 60 },
    );
  });

  it('cover a body that needs no change but at its end, alone and after one that does', async () => {
    const even = 'One line.\r\n\r\nAnd another.\r\n';
    for (const rest of [even, `${even}\r\n\r\n`, even.trimEnd(), `\r\n\r\n${even}`, `a  b \r\n${even}`]) {
      const bytes = Buffer.from(`From: a@sender.test\r\n\r\n${rest}`);
      const theirs = await signByMailauth(bytes, 'sender.test', keys, now);
      expect(await ours({ kind: 'bytes', bytes })).toEqual(theirs.flatMap(unfolded));
    }
  });

  it('cover an empty body, and one of empty lines only', async () => {
    for (const rest of ['', '\r\n', '\r\n\r\n\r\n', '\r\n \r\n\t\r\n', '\r\n\r\n'.repeat(50_000)]) {
      const bytes = Buffer.from(`From: a@sender.test\r\n${rest}`);
      const theirs = await signByMailauth(bytes, 'sender.test', keys, now);
      expect(await ours({ kind: 'bytes', bytes })).toEqual(theirs.flatMap(unfolded));
    }
  });
});
