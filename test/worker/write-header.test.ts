import fc from 'fast-check';
import { decodeWords } from 'postal-mime';
import { describe, expect, it } from 'vitest';
import { parseMailbox } from '#domain/message/address.ts';
import { splitMessage } from '#domain/message/header.ts';
import { decodedText, writeHeader } from '../../worker/intake/write-header.ts';

const mailbox = (name: string) => ({ name, address: 'a@b.example', localPart: 'a', domain: 'b.example' });
/** What the API lets through: no CR, LF or NUL. */
const pieces = [
  'a',
  'Word',
  ' ',
  '  ',
  '\t',
  '"',
  '\\',
  '(',
  '<',
  '>',
  '@',
  ',',
  ':',
  ';',
  '=?',
  '?=',
  '=?utf-8?Q?x?=',
];
const wide = ['é', 'ß', '日本', '😀', '\u0301', '\x07', '\x7f', '\u2028', 'x'.repeat(950)];
const text = fc.oneof(
  fc.array(fc.constantFrom(...pieces, ...wide), { maxLength: 40 }).map((list) => list.join('')),
  fc.string({ unit: 'binary', maxLength: 300 }).map((all) => all.replace(/[\0\r\n]/g, '')),
);

/** The fields of a header as a reader has them. */
function read(header: string): Record<string, string> {
  const message = splitMessage(`${header}\r\n`);
  if (typeof message === 'string') throw new Error(message);
  return Object.fromEntries(message.fields.map(({ name, value }) => [name, value]));
}

const write = (subject: string, name: string, headers: Record<string, string> = {}) =>
  writeHeader({
    from: mailbox(name),
    to: [mailbox(name), mailbox('')],
    cc: [],
    reply_to: [],
    subject,
    headers,
  });

describe('a header that is written', () => {
  it('is ASCII of at most 998 octets a line, has the fields it was given and reads as it was meant', () => {
    fc.assert(
      fc.property(text, text, (subject, name) => {
        const header = write(subject, name);
        expect(header).toMatch(/^[\t\r\n -~]*$/);
        expect(Math.max(...header.split('\r\n').map((line) => line.length))).toBeLessThanOrEqual(998);
        const fields = read(header);
        expect(Object.keys(fields)).toEqual(['From', 'To', 'Subject']);
        // White space at the ends is the header's own, and a lone surrogate is no character.
        expect(decodeWords(fields.Subject ?? '').trim()).toBe(subject.toWellFormed().trim());
        expect(fields.From).toMatch(/(?:^| ?<)a@b\.example>?$/);
      }),
      { numRuns: 3000 },
    );
  });

  it('names whom it was given, whatever the name', () => {
    fc.assert(
      fc.property(text, (name) => {
        const from = read(write('x', name)).From ?? '';
        const parsed = parseMailbox(from);
        if (typeof parsed === 'string') throw new Error(`${from}: ${parsed}`);
        expect(parsed.address).toBe('a@b.example');
        expect(decodeWords(parsed.name).trim()).toBe(name.toWellFormed().trim());
      }),
      { numRuns: 3000 },
    );
  });

  it('keeps a field of one’s own that is ASCII, to the letter, or says that it cannot', () => {
    const value = fc.oneof(
      fc.stringMatching(/^[!-~][ -~]{0,300}[!-~]$/),
      fc
        .array(fc.stringMatching(/^[!-~]{1,600}$/), { minLength: 1, maxLength: 20 })
        .map((words) => words.join(' ')),
    );
    fc.assert(
      fc.property(value, (own) => {
        expect(read(write('x', '', { 'X-Own': own }))['X-Own']).toBe(own);
      }),
    );
    expect(() => write('x', '', { 'X-Own': 'x'.repeat(999) })).toThrow(/998 octets/);
  });

  it('takes no field out of an encoded word', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('=0D=0A', '=00', 'Bcc:', '_', 'x'), { maxLength: 8 }), (parts) => {
        const decoded = decodedText(`=?utf-8?Q?${parts.join('')}?=`);
        expect(decoded).not.toMatch(/[\0-\x1f\x7f]/);
      }),
    );
  });
});
