import { createHash, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { newestRows } from '#domain/message/row-form.ts';
import { bodyDictionary } from '../../worker/store/body-dictionary.ts';
import { rowBodyOf, textOf } from '../../worker/store/row-body.ts';

const forms = Array.from({ length: newestRows }, (_, i) => i + 1);

/** A message as it is read again, and what its row has. */
function kept(raw: string, writesRows: number) {
  const body = rowBodyOf({ writesRows }, raw);
  return body && { ...body, again: textOf({ raw: body.text, gzip: body.gzip }) };
}

describe('the body of a row', () => {
  it('depends on a dictionary that never changes', () => {
    expect(createHash('sha256').update(bodyDictionary).digest('hex')).toBe(
      '48e9aa52d9866541c898886ba6d9ac23a121cf216757fe63c2cfbef488e82172',
    );
    // What was kept by the first version that compressed so.
    const raw =
      '83a445c7e4dc54059b9cfcf4cc3c87c4e4dc543d68728326b5aafc540750a248caaf80c920a50b130b4305232303d0980338fd80baab9889c228d524d940d7d0d0d050d73c312959d72225354dd7c0d0c8d8c4d4ccdcc2323109dd62481202271c430b70fc83e3ded0d0cac0ccca84f8b8a72c9622613e02790fea533d0590c90a9925e0ba04d40d4fcd83f7df79b900';
    expect(textOf({ raw, gzip: 3 })).toBe(code);
  });

  it('comes back byte for byte in any form, whatever the message is', () => {
    const octets = fc.array(fc.integer({ min: 0, max: 255 }), { maxLength: 600, size: 'max' });
    const line = fc.constantFrom(
      'Content-Type: text/html; charset=utf-8\r\n',
      'Thanks,\r\n',
      '=C3=BC ',
      '\0',
      '\xff',
    );
    const message = fc
      .tuple(octets, fc.array(line, { maxLength: 400, size: 'max' }))
      .map(([bytes, lines]) => String.fromCharCode(...bytes) + lines.join(''));
    fc.assert(
      fc.property(message, fc.constantFrom(...forms), (raw, form) => {
        const body = kept(raw, form);
        expect(body?.again).toBe(raw);
        expect(body?.text.length).toBeLessThanOrEqual(Math.max(raw.length, 1) * 1.5);
      }),
    );
  });

  it('is read again at the edges of what is packed', () => {
    for (const length of [255, 256, 257, 1023, 1024, 32_768, 32_769, 262_144, 262_145]) {
      const raw = 'Dear customer,\r\n'.repeat(length / 16 + 1).slice(0, length);
      for (const form of forms) {
        const body = kept(raw, form);
        if (length > 262_144) expect(body).toBeNull();
        else expect(body?.again === raw).toBe(true);
      }
    }
  });

  it('stays as it is where compressing saves little', () => {
    const octets = String.fromCharCode(...randomBytes(20_000));
    for (const form of forms) expect(kept(octets, form)).toMatchObject({ gzip: null, text: octets });
  });

  it('is smaller with the dictionary, by half for a code', () => {
    const bytes = (form: number) => {
      const body = kept(code, form);
      return body?.gzip === null ? code.length : (body?.text.length ?? Number.NaN) / 2;
    };
    expect(bytes(4)).toBeLessThan(bytes(3) / 2);
  });
});

const code = [
  'From: Acme <login@acme.example>',
  'To: zoe@mailbox.example',
  'Subject: 481 220 is your code',
  'Message-ID: <0192e4c0-1111-7abc-8def-0123456789ab@acme.example>',
  'Date: Wed, 18 Nov 2026 11:06:40 +0000',
  'MIME-Version: 1.0',
  'Content-Type: text/plain; charset=utf-8',
  'Content-Transfer-Encoding: 7bit',
  '',
  'Your code is 481 220. Type it within ten minutes.',
  '',
].join('\r\n');
