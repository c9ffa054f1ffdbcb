import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { splitMessage } from '#domain/message/header.ts';
import { piecesOf } from '#domain/message/multipart.ts';
import { shownTexts } from '#domain/message/shown-text.ts';

const lines = (...list: string[]) => list.join('\r\n');

/** The texts themselves. */
function textsOf(message: string): { html: string | null; plain: string | null } | string {
  const split = splitMessage(message);
  if (typeof split === 'string') return split;
  const body = split.rest.slice(2);
  const found = shownTexts(split.fields, body);
  if (typeof found === 'string') return found;
  const of = (part: typeof found.html) => part && body.slice(part.from, part.to);
  return { html: of(found.html), plain: of(found.plain) };
}

const mixed = (type: string, ...parts: string[]) =>
  lines(
    `Content-Type: multipart/${type}; boundary="x y"`,
    '',
    ...parts.map((part) => `--x y\r\n${part}`),
    '--x y--',
    '',
  );

describe('the text that a reader shows', () => {
  it.each<[string, string, ReturnType<typeof textsOf>]>([
    ['of a message without parts', lines('Subject: a', '', 'Hi', ''), { html: null, plain: 'Hi\r\n' }],
    ['of HTML', lines('Content-Type: TEXT/HTML; charset=utf-8', '', '<p>'), { html: '<p>', plain: null }],
    [
      'of an alternative',
      mixed('alternative', lines('', 'plain'), lines('Content-Type: text/html', '', '<p>')),
      { html: '<p>', plain: 'plain' },
    ],
    [
      'beside attachments',
      mixed(
        'mixed',
        lines('Content-Disposition: attachment', '', 'no'),
        lines('Content-Disposition: inline; filename=a.txt', '', 'no'),
        lines('Content-Type: message/rfc822', '', 'Subject: b', '', 'no'),
        lines('', 'yes', ''),
        lines('', 'later'),
      ),
      { html: null, plain: 'yes\r\n' },
    ],
    ['of an empty part', mixed('mixed', lines('Content-Type: text/html', '', '')), { html: '', plain: null }],
    ['of a picture', lines('Content-Type: image/png', '', 'x'), { html: null, plain: null }],
    [
      'that is signed',
      mixed('signed', lines('', 'x')),
      'it is signed or encrypted, and a layout would break that',
    ],
    [
      'without a boundary',
      lines('Content-Type: multipart/mixed', '', 'x'),
      'it has parts without a boundary',
    ],
  ])('%s', (_, message, texts) => {
    expect(textsOf(message)).toEqual(texts);
  });

  const blocks = fc.constantFrom(
    '--b\r\n',
    '--b--\r\n',
    '\r\n',
    'x',
    'Content-Type: text/html\r\n',
    '--b',
    'Content-Type: multipart/mixed; boundary=b\r\n',
  );
  it('stands inside of the message, whatever comes', () => {
    fc.assert(
      fc.property(fc.array(blocks, { maxLength: 30 }), (list) => {
        const body = list.join('');
        const split = splitMessage(`Content-Type: multipart/mixed; boundary=b\r\n\r\n${body}`);
        if (typeof split === 'string') throw new Error(split);
        const found = shownTexts(split.fields, body);
        if (typeof found === 'string') return;
        for (const part of [found.html, found.plain]) {
          if (!part) continue;
          expect(part.headAt).toBeLessThanOrEqual(part.from);
          expect(part.from).toBeLessThanOrEqual(part.to);
          expect(part.to).toBeLessThanOrEqual(body.length);
        }
      }),
    );
  });
  it('is found in pieces that together are all of it', () => {
    fc.assert(
      fc.property(fc.array(blocks, { maxLength: 30 }), (list) => {
        const body = list.join('');
        const pieces = piecesOf(body, 'b');
        expect(pieces.map(({ from, end }) => body.slice(from, end)).join('')).toBe(body);
      }),
    );
  });
});
