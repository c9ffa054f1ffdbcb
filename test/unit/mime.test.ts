import fc from 'fast-check';
import PostalMime from 'postal-mime';
import { describe, expect, it } from 'vitest';
import { splitMime } from '#domain/bounce/mime.ts';

const bounds = { depth: 24, parts: 40, headerFields: 400, headerBytes: 262_144, partBytes: 262_144 };
const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** What both readers say of a mail: header fields, the plain text, the other parts. */
function ours(raw: Uint8Array) {
  const { headers, parts } = splitMime(raw, (given) => utf8.decode(given), bounds);
  return {
    headers,
    text: parts
      .filter((part) => part.inline)
      .map((part) => utf8.decode(part.body))
      .join('\n'),
    parts: parts.filter((part) => !part.inline).map(({ type, body }) => [type, utf8.decode(body)]),
  };
}

async function theirs(raw: Uint8Array) {
  const mail = await PostalMime.parse(raw, { forceRfc822Attachments: true });
  return {
    headers: mail.headers
      .filter((_, i) => mail.headerLines[i]?.line.includes(':'))
      .map(({ key, value }) => ({ name: key, value })),
    text: mail.text ?? '',
    parts: mail.attachments.map(({ mimeType, content }) => [mimeType, utf8.decode(content as ArrayBuffer)]),
  };
}

const word = fc.stringMatching(/^[A-Za-z0-9äß日本.,:;<>@-]{1,12}$/);
const line = fc.oneof(
  { weight: 6, arbitrary: fc.array(word, { maxLength: 8 }).map((words) => words.join(' ')) },
  // What looks like a delimiter, an escape or a header and may be none.
  fc.constantFrom(
    '--',
    '--b',
    '--b0-',
    '-- b1',
    '=',
    '=3D',
    '=C3=A4=',
    'a=zz',
    'Final-Recipient: rfc822; a@b',
    ' x',
    '\t',
  ),
);
const text = fc.array(line, { maxLength: 12 }).map((lines) => lines.join('\r\n'));
const encoding = fc.constantFrom('7bit', 'quoted-printable', 'base64', 'BASE64 (said twice)', '');
const leafType = fc.constantFrom(
  'text/plain; charset=utf-8',
  'TEXT/Plain',
  'message/delivery-status',
  'Message/RFC822; name="x y"',
  'text/rfc822-headers (the header)',
  'message/feedback-report',
  'application/octet-stream; name*0="a"; name*1=b',
  '',
);
const disposition = fc.constantFrom('', 'attachment; filename=a.txt', 'inline');

interface Leaf {
  kind: 'leaf';
  type: string;
  encoding: string;
  disposition: string;
  text: string;
}
interface Many {
  kind: 'many';
  type: string;
  preamble: string;
  epilogue: string;
  closed: boolean;
  quoted: boolean;
  parts: Entity[];
}
type Entity = Leaf | Many;

const { entity } = fc.letrec<{ entity: Entity; leaf: Leaf; many: Many }>((tie) => ({
  leaf: fc.record({
    kind: fc.constant('leaf'),
    type: leafType,
    encoding,
    disposition,
    text,
  }) as fc.Arbitrary<Leaf>,
  many: fc.record({
    kind: fc.constant('many'),
    type: fc.constantFrom(
      'multipart/mixed',
      'multipart/report; report-type=delivery-status',
      'multipart/digest',
    ),
    preamble: text,
    epilogue: text,
    closed: fc.boolean(),
    quoted: fc.boolean(),
    parts: fc.array(tie('entity'), { maxLength: 4 }),
  }) as fc.Arbitrary<Many>,
  entity: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    tie('leaf'),
    tie('many'),
  ) as fc.Arbitrary<Entity>,
}));

/** Writes an entity; boundaries are numbered, so that one is often the beginning of another. */
function written(one: Entity, next: { number: number }): string {
  if (one.kind === 'leaf') {
    const content = /base64/i.test(one.encoding)
      ? Buffer.from(one.text)
          .toString('base64')
          .replace(/(.{60})/g, '$1\r\n')
      : one.text;
    const header = [
      one.type && `Content-Type: ${one.type}`,
      one.encoding && `Content-Transfer-Encoding: ${one.encoding}`,
      one.disposition && `Content-Disposition: ${one.disposition}`,
    ].filter(Boolean);
    return `${header.map((field) => `${field}\r\n`).join('')}\r\n${content}`;
  }
  const boundary = `b${next.number++}`;
  const parts = one.parts.map((part) => `--${boundary}\r\n${written(part, next)}\r\n`).join('');
  const parameter = one.quoted ? `"${boundary}"` : boundary;
  return `Content-Type: ${one.type};\r\n\tboundary=${parameter}\r\n\r\n${one.preamble}\r\n${parts}${one.closed ? `--${boundary}--\r\n` : ''}${one.epilogue}`;
}

const header = fc
  .array(fc.tuple(fc.constantFrom('Subject', 'X-A', 'From ', 'Received'), fc.array(word, { maxLength: 6 })), {
    maxLength: 6,
  })
  .map((fields) => fields.map(([name, words]) => `${name}: ${words.join('\r\n ')}\r\n`).join(''));
const mail = fc.tuple(header, entity, fc.boolean()).map(([fields, one, unix]) => {
  const whole = fields + written(one, { number: 0 });
  return unix ? whole.replaceAll('\r\n', '\n') : whole;
});

describe('splitMime', () => {
  it('takes any mail apart as postal-mime does', async () => {
    await fc.assert(
      fc.asyncProperty(mail, async (whole) => {
        expect(ours(bytes(whole))).toEqual(await theirs(bytes(whole)));
      }),
      { numRuns: 1500 },
    );
  });

  it('takes mails apart that were cut off anywhere', async () => {
    const cut = fc.tuple(mail, fc.double({ min: 0, max: 1, noNaN: true }));
    await fc.assert(
      fc.asyncProperty(cut, async ([whole, share]) => {
        const beginning = bytes(whole.slice(0, Math.floor(whole.length * share)));
        expect(ours(beginning)).toEqual(await theirs(beginning));
      }),
      { numRuns: 1500 },
    );
  });

  it('prefers no alternative but says which parts are some', () => {
    const raw = bytes(
      'Content-Type: multipart/alternative; boundary=b\n\n--b\n\nplain\n--b\nContent-Type: text/html\n\n<p>html\n--b--\n',
    );
    const { parts } = splitMime(raw, (given) => utf8.decode(given), bounds);
    expect(parts.map(({ type, alternative }) => [type, alternative])).toEqual([
      ['text/plain', 0],
      ['text/html', 0],
    ]);
  });

  it('leaves out what is beyond its bounds', () => {
    const many = `Content-Type: multipart/mixed; boundary=b\n\n${'--b\n\na\n'.repeat(1000)}`;
    const { parts } = splitMime(bytes(many), (given) => utf8.decode(given), { ...bounds, partBytes: 1 });
    expect(parts).toHaveLength(bounds.parts);
    expect(parts[0]?.body).toHaveLength(1);
  });
});
