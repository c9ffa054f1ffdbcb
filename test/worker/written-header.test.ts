import { decodeWords } from 'postal-mime';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Answer, call, mail, migrate, newAccount, rawOf, type TestAccount } from './support.ts';

let account: TestAccount;
beforeAll(async () => {
  await migrate();
  account = await newAccount();
});

const send = (more: Record<string, unknown>) => call('POST', '/v1/send', account.live, mail(account, more));

/** The header of a message that was taken, latin1. */
async function headerOf(more: Record<string, unknown>): Promise<string> {
  const { status, body } = await send(more);
  expect([status, body]).toEqual([202, expect.anything()]);
  return (await rawOf(body.message_id)).split('\r\n\r\n')[0] ?? '';
}

/** The value of a field as a reader unfolds it. */
function readValue(header: string, name: string): string {
  const found = new RegExp(`^${name}:((?:.|\r\n[ \t])*)$`, 'im').exec(header)?.[1] ?? 'absent';
  return found.replaceAll('\r\n', '').trim();
}

const longest = (header: string) => Math.max(...header.split('\r\n').map((line) => line.length));

describe('a field that a caller gives', () => {
  it.each([
    ['List-ID', '"My List" <list.x.example>'],
    ['X-SMTPAPI', '{"a":1,"b":["c d"]}'],
    ['X-Words', '=?utf-8?q?J=C3=B6rg?= and more'],
    ['X-Tab', 'a\tb'],
    ['List-Unsubscribe', '<mailto:a@b.example?subject=x>, <https://b.example/?u=1>'],
    ['References', '<a@b> <c@d>'],
  ])('stays as it is when it is ASCII: %s: %s', async (name, value) => {
    expect(readValue(await headerOf({ headers: { [name]: value } }), name)).toBe(value);
  });

  it('is folded at its blanks, and reads the same', async () => {
    const value = Array.from({ length: 120 }, (_, i) => `<https://example.com/${'x'.repeat(40)}/${i}>`).join(
      ', ',
    );
    const header = await headerOf({ headers: { 'X-Links': value } });
    expect(longest(header)).toBeLessThanOrEqual(78);
    expect(readValue(header, 'X-Links')).toBe(value);
  });

  it.each([
    ['List-Unsubscribe', `<https://example.com/${'u'.repeat(1200)}>`],
    ['X-Long', 'x'.repeat(8000)],
    ['In-Reply-To', `${'i'.repeat(1000)}@example.com`],
    ['List-Archive', '<https://example.com/ü>'],
  ])('is refused when it cannot be folded or written: %s', async (name, value) => {
    const { status, body } = await send({ headers: { [name]: value } });
    expect([status, body.code]).toEqual([400, 'invalid_body']);
    expect(body.errors).toEqual([
      { pointer: `/headers/${name}`, detail: expect.stringMatching(/998|ASCII/) },
    ]);
  });

  it('is refused when it may be there once and is there twice', async () => {
    const { status, body } = await send({ headers: { References: '<a@b>', references: '<c@d>' } });
    expect([status, body.errors?.[0]?.pointer]).toEqual([400, '/headers/References']);
  });

  it('is refused together with others of over 64 KiB', async () => {
    const value = 'word '.repeat(1600);
    const headers = Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`X-${i}`, value]));
    const { status, body } = await send({ headers });
    expect([status, body.errors?.[0]?.pointer]).toEqual([400, '/headers']);
  });

  it.each([
    ['X-Text', 'Grüße aus Köln', 'Grüße aus Köln'],
    ['List-ID', '"Möge \\"die\\" Liste" <list.x.example>', 'Möge "die" Liste <list.x.example>'],
    ['Comments', `${'c'.repeat(2000)}`, 'c'.repeat(2000)],
  ])('is encoded where it must be: %s: %s', async (name, value, readAs) => {
    const header = await headerOf({ headers: { [name]: value } });
    expect(longest(header)).toBeLessThanOrEqual(78);
    expect(decodeWords(readValue(header, name))).toBe(readAs);
  });

  it('gets the angle brackets of a message id that it lacks', async () => {
    const header = await headerOf({ headers: { 'In-Reply-To': 'a@b', References: 'a@b <c@d>' } });
    expect([readValue(header, 'In-Reply-To'), readValue(header, 'References')]).toEqual([
      '<a@b>',
      '<a@b> <c@d>',
    ]);
  });
});

describe('subject and names', () => {
  it.each([
    ['of 2,000 characters without a blank', 'x'.repeat(2000), 'x'.repeat(2000)],
    ['of 2,000 characters with blanks', 'word '.repeat(400).trim(), 'word '.repeat(400).trim()],
    ['of other scripts', '日本語'.repeat(300), '日本語'.repeat(300)],
    ['encoded by the caller', '=?utf-8?Q?Gr=C3=BC=C3=9Fe?= an =?utf-8?B?SsO2cmc=?=', 'Grüße an Jörg'],
    ['with control characters inside of an encoded word', '=?utf-8?Q?a=0D=0ABcc:_x=00?=', 'a Bcc: x'],
    ['that only looks encoded', 'see =?x?= and =?utf-8?X?y?=', 'see =?x?= and =?utf-8?X?y?='],
  ])('%s are read as they were meant', async (_, subject, readAs) => {
    const header = await headerOf({ subject });
    expect(longest(header)).toBeLessThanOrEqual(78);
    expect(decodeWords(readValue(header, 'Subject')).trim()).toBe(readAs);
    expect(header).not.toMatch(/^Bcc/im);
    const { body } = await call('GET', '/v1/emails?limit=1', account.live);
    expect(body.data[0].subject.trim()).toBe(readAs);
  });

  it('literal text that readers would decode is encoded', async () => {
    const header = await headerOf({ subject: 'see =?utf-8?X?y?=' });
    expect(readValue(header, 'Subject')).toMatch(/^=\?UTF-8\?Q\?see_=3D=3Futf/);
  });

  it.each([
    ['"=?utf-8?Q?J=C3=B6rg?=" <a@example.net>', 'Jörg'],
    ['=?utf-8?Q?J=C3=B6rg=2C_Shop?= <a@example.net>', 'Jörg, Shop'],
    [`${'n'.repeat(970)} <a@example.net>`, 'n'.repeat(970)],
  ])('of a recipient, %s, is read as it was meant', async (to, name) => {
    const header = await headerOf({ to, reply_to: to });
    expect(longest(header)).toBeLessThanOrEqual(998);
    for (const field of ['To', 'Reply-To']) {
      expect(decodeWords(readValue(header, field))).toBe(`${name} <a@example.net>`);
    }
  });

  it('that are plain stay as they are, quoted where they must be', async () => {
    const header = await headerOf({
      to: [
        'plain@example.net',
        'John Q. Public <john@example.net>',
        '"a \\"b\\"" <b@example.net>',
        '"q p"@example.net',
      ],
    });
    expect(readValue(header, 'To')).toBe(
      'plain@example.net, "John Q. Public" <john@example.net>, "a \\"b\\"" <b@example.net>, <"q p"@example.net>',
    );
  });
});

describe('an attachment', () => {
  it.each(['multipart/mixed', 'Multipart/Alternative; boundary=x'])(
    'is refused as %s',
    async (content_type) => {
      const attachments = [{ filename: 'a.dat', content_type, content: btoa('x') }];
      const { status, body } = await send({ attachments });
      expect([status, body.code]).toEqual([400, 'invalid_body']);
      expect(body.errors.map((error: Answer) => error.pointer)).toEqual(['/attachments/0/content_type']);
    },
  );
});
