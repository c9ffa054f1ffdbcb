import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import PostalMime from 'postal-mime';
import { describe, expect, it } from 'vitest';
import { replyOf } from '#domain/inbound/reply-text.ts';
import { leanBounds, parseMail } from '../../worker/received/lean-parser.ts';
import { readReceived, receivedBounds } from '../../worker/received/read-received.ts';
import { decodeUu } from '../../worker/received/uuencode.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const read = (text: string) => readReceived(bytes(text));
const megabyte = 1_048_576;

/** A mail of a type and encoding whose body is a line repeated until it has so many bytes. */
function filled(size: number, line: string, ...head: string[]): Uint8Array<ArrayBuffer> {
  const raw = new Uint8Array(size);
  const start = bytes([...head, '', ''].join('\r\n').slice(head.length === 0 ? 4 : 0));
  const repeated = bytes(line);
  raw.set(start);
  for (let at = start.length; at + repeated.length <= size; at += repeated.length) raw.set(repeated, at);
  return raw;
}

describe('a mail of 25 MiB is read in time and memory that grow with its bytes', () => {
  const type = 'Content-Type: application/octet-stream';
  const encoded = (name: string) => [type, `Content-Transfer-Encoding: ${name}`];
  it.each<[string, string, string[]]>([
    ['of empty lines', '\n', ['Content-Type: text/plain']],
    ['of empty lines that are base64', '\r\n', encoded('base64')],
    ['of empty lines that are quoted-printable', '\r\n', encoded('quoted-printable')],
    ['of base64', `${'A'.repeat(76)}\r\n`, encoded('base64')],
    ['of base64 that is padded again and again', 'A==\r\n', encoded('base64')],
    ['of base64 in one line, padded again and again', 'A==', encoded('base64')],
    ['of quoted octets', '=41=41=41\r\n', encoded('quoted-printable')],
    ['of short lines', 'a\r\n', ['Content-Type: text/plain; format=flowed']],
    ['of lines that begin as boundaries do', '--\n', ['Content-Type: multipart/mixed; boundary=b']],
    ['of parts', '--b\r\n\r\nx\r\n', ['Content-Type: multipart/mixed; boundary=b']],
    [
      'of messages',
      '--b\r\nContent-Type: message/rfc822\r\n\r\n\r\n',
      ['Content-Type: multipart/mixed; boundary=b'],
    ],
    ['of open tags', '<div class="', ['Content-Type: text/html']],
    ['of open comments', '<!-- <style>', ['Content-Type: text/html']],
    ['of quotes that begin', '<div class="a\n', ['Content-Type: text/html']],
    ['of lines that introduce a quote', 'On 1 Jan 2026 10:00 <a@b.test>\n', ['Content-Type: text/plain']],
    ['of fields', 'a:\r\n', []],
    ['of one field', ' a', []],
    ['of encoded words', '=?utf-8?q?a?= ', []],
    ['of addresses', 'a@b.test, ', []],
    ['of marks of a name', "name*0*=a''%;", []],
  ])('%s', async (_, line, head) => {
    const mail = await readReceived(filled(25 * megabyte, line, ...head));
    expect(mail.text.length).toBeLessThanOrEqual(receivedBounds.text);
    expect(mail.html.length).toBeLessThanOrEqual(receivedBounds.text);
    expect(mail.attachments.length).toBeLessThanOrEqual(receivedBounds.attachments);
    expect(mail.headers.length).toBeLessThanOrEqual(receivedBounds.fields);
    expect(replyOf(mail).length).toBeLessThanOrEqual(receivedBounds.text);
  });
});

describe('what is broken is one text', () => {
  it('nested too deep', async () => {
    const parts = Array.from(
      { length: 60 },
      (_, i) => `--b${i}\r\nContent-Type: multipart/mixed; boundary=b${i + 1}\r\n\r\n`,
    );
    const nest = `Subject: deep\r\nContent-Type: multipart/mixed; boundary=b0\r\n\r\n${parts.join('')}--b60\r\n\r\nhello\r\n`;
    const mail = await read(nest);
    expect(mail.subject).toBe('deep');
    expect(mail.text).toContain('hello');
  });
  it('a boundary that no line has', async () => {
    const mail = await read('Content-Type: multipart/mixed; boundary=x\r\n\r\n--y\r\n\r\nhello\r\n--y--\r\n');
    expect(mail.text).toContain('hello');
  });
  it('a boundary that is not named', async () => {
    const mail = await read('Content-Type: multipart/mixed\r\n\r\n--y\r\n\r\nhello\r\n');
    expect(mail.text).toContain('hello');
  });
  it('a header without an end', async () => {
    const mail = await read(`Subject: a\r\n${'x: y\r\n'.repeat(100_000)}\r\nhello`);
    expect(mail.subject).toBe('a');
    expect(mail.headers).toHaveLength(receivedBounds.fields);
  });
  it('nothing at all', async () => {
    expect(await read('')).toEqual({
      ...{ headers: [], messageId: '', from: '', to: '', subject: '', text: '', html: '', attachments: [] },
    });
  });
});

describe('names of attachments', () => {
  const named = async (parameter: string) => {
    const mail = await read(`Content-Type: application/pdf;${parameter}\r\n\r\nx\r\n`);
    return mail.attachments[0]?.filename;
  };
  it.each([
    ['in pieces (RFC 2231 §3)', ' name*0="Annual "; name*1="Report.pdf"', 'Annual Report.pdf'],
    ['in a charset (RFC 2231 §4)', " name*=iso-8859-1'de'%FCber.pdf", 'über.pdf'],
    ['in pieces and a charset', " name*0*=utf-8''%E2%82; name*1*=%AC.pdf", '€.pdf'],
    ['in encoded words', ' name="=?utf-8?b?4oKsLnBkZg==?="', '€.pdf'],
    ['without folders', ' name="../../etc/passwd"', 'passwd'],
    ['without folders of Windows', ' name="C:\\\\temp\\\\a.pdf"', 'a.pdf'],
    ['without what turns the direction of writing', ' name="a\u202efdp.exe"', 'afdp.exe'],
    ['made up where there is none', '', 'attachment-1.pdf'],
  ])('%s', async (_, parameter, expected) => {
    expect(await named(parameter)).toBe(expected);
  });
});

describe('the header', () => {
  it.each<[string, number[], string, string]>([
    ['UTF-8 (RFC 6532)', [0xc3, 0xa9], 'utf-8', 'é'],
    ['the charset that the mail names', [0xe9, 0x20, 0xea], 'windows-1251', 'й к'],
    ['ISO-2022-JP without encoded words', [0x1b, 0x24, 0x42, 0x46, 0x7c, 0x1b, 0x28, 0x42], 'us-ascii', '日'],
    ['Latin-1 when nothing is said', [0xe9], 'utf-8', 'é'],
  ])('is read in %s', async (_, subject, charset, expected) => {
    const head = bytes('Subject: ');
    const rest = bytes(`\r\nContent-Type: text/plain; charset=${charset}\r\n\r\nx\r\n`);
    const mail = await readReceived(new Uint8Array([...head, ...subject, ...rest]));
    expect(mail.subject).toBe(expected);
    expect(mail.headers).toHaveLength(2);
  });
  it('keeps the charset that it names, also when the text is read in another', async () => {
    const mail = await read('Content-Type: text/plain; charset=x-unknown\r\n\r\né\r\n');
    expect(mail.headers).toEqual([{ name: 'Content-Type', value: 'text/plain; charset=x-unknown' }]);
    expect(mail.text).toBe('é\n');
  });
});

describe('TNEF', () => {
  it('is an attachment, whole', async () => {
    const mail = await read(
      'Content-Type: application/ms-tnef; name="winmail.dat"\r\nContent-Transfer-Encoding: base64\r\n\r\neJ8+IgAA\r\n',
    );
    expect(mail.attachments).toMatchObject([{ filename: 'winmail.dat', contentType: 'application/ms-tnef' }]);
    expect([...(mail.attachments[0]?.content ?? [])]).toEqual([0x78, 0x9f, 0x3e, 0x22, 0, 0]);
  });
});

describe('a uuencoded part', () => {
  it('is decoded', () => {
    const uu = 'begin 644 cat.txt\n#0V%T\n`\nend\n';
    expect(new TextDecoder().decode(decodeUu(bytes(uu)) ?? new Uint8Array())).toBe('Cat');
  });
  it.each(['begin 644 a\n#0V%T\n', 'begin 644 a\nM0V%T\n`\nend\n', 'hello', 'begin again\n'])(
    'is not: %j',
    (text) => {
      expect(decodeUu(bytes(text))).toBeNull();
    },
  );
  it('never throws', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (body) => {
        const whole = new Uint8Array([...bytes('begin 644 a\n'), ...body]);
        expect((decodeUu(whole) ?? []).length).toBeLessThanOrEqual(whole.length);
      }),
    );
  });
});

describe('the lean parser gives what postal-mime gives', async () => {
  const options = { forceRfc822Attachments: true };
  const same = async (raw: Uint8Array<ArrayBuffer>) => {
    const [lean, own] = await Promise.all([
      parseMail(raw, options).catch((error: Error) => error.message),
      PostalMime.parse(raw, options).catch((error: Error) => error.message),
    ]);
    expect(lean).toEqual(own);
  };
  const folder = new URL('../fixtures/received/', import.meta.url);
  const names = readdirSync(folder).filter((name) => name.endsWith('.eml'));
  it.each(names)('%s', async (name) => {
    await same(new Uint8Array(readFileSync(new URL(name, folder))));
  });
  it('of any mail', async () => {
    const line = fc.oneof(
      fc.constantFrom(
        '',
        '--b',
        '--b--',
        '=',
        '=41=',
        'QUJD',
        'QQ==QUI=',
        '=C3=A9',
        '-- ',
        ' a',
        '> b',
        '=4',
        '==41',
      ),
      fc.constantFrom('Content-Type: text/html; charset=latin1', 'Content-Type: message/rfc822'),
      fc.constantFrom('Content-Type: multipart/alternative; boundary=b', 'Content-Disposition: attachment'),
      fc.constantFrom('Content-Transfer-Encoding: base64', 'Content-Transfer-Encoding: quoted-printable'),
      fc.string(),
    );
    const mail = fc.tuple(
      fc.constantFrom('', 'Content-Type: multipart/mixed; boundary=b\r\n'),
      fc.array(line),
    );
    await fc.assert(
      fc.asyncProperty(mail, fc.constantFrom('\r\n', '\n'), async ([head, lines], end) => {
        await same(bytes(head + lines.join(end)));
      }),
      { numRuns: 500 },
    );
  });
  it('of any bytes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 400 }), async (raw) => {
        await same(new Uint8Array(raw));
      }),
    );
  });
  it('but for parts and lines beyond its bounds', async () => {
    const parts = '--b\r\nContent-Type: a/b\r\n\r\nx\r\n'.repeat(leanBounds.parts + 50);
    const mail = await parseMail(bytes(`Content-Type: multipart/mixed; boundary=b\r\n\r\n${parts}`), options);
    expect(mail.attachments.length).toBeLessThanOrEqual(leanBounds.parts + 1);
    const lines = await parseMail(bytes(`\n${'x\n'.repeat(leanBounds.lines + 10)}`), options);
    expect(lines.text?.length).toBeLessThanOrEqual(2 * leanBounds.lines);
  });
});

describe('any bytes', () => {
  it('are read as something', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 2000 }), async (raw) => {
        const mail = await readReceived(new Uint8Array(raw));
        expect(mail.text.length).toBeLessThanOrEqual(raw.length * 2);
      }),
    );
  });
});
