import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { base64 } from '#domain/base64.ts';
import { type Masking, maskMessage, messageIdsIn } from '#domain/inbound/masking.ts';
import { joinMessage } from '#domain/message/header.ts';
import { readReceived } from '../../worker/received/read-received.ts';

const stranger = 'Stranger.Ann@customer.test';
const owner = 'bob.real@private.test';
const alias = 'shop@alias.test';
const reply = 'reply+abc234@alias.test';

/** What the owner gets: the stranger is the reply address. */
const toOwner: Masking = {
  writer: [stranger],
  shownAs: reply,
  reader: new Map(),
  messageIds: new Map([
    ['<1@customer.test>', '<m1@alias.test>'],
    ['<3@customer.test>', '<m3@alias.test>'],
    ['<m2@alias.test>', '<2@private.test>'],
  ]),
};
/** What the stranger gets: the owner is the alias, and the reply address the stranger. */
const toStranger: Masking = {
  writer: [owner],
  shownAs: alias,
  reader: new Map([[reply, stranger]]),
  messageIds: new Map([
    ['<2@private.test>', '<m2@alias.test>'],
    ['<4@private.test>', '<m4@alias.test>'],
    ['<m1@alias.test>', '<1@customer.test>'],
    ['<m3@alias.test>', '<3@customer.test>'],
  ]),
};

function masked(message: string, masking: Masking): string {
  const result = maskMessage(message, masking);
  if ('fault' in result) throw new Error(result.fault);
  return joinMessage(result.message);
}
const lines = (...all: string[]) => `${all.join('\r\n')}\r\n`;
const encode = (text: string) => base64(new TextEncoder().encode(text));
const quoted = (text: string) =>
  [...new TextEncoder().encode(text)]
    .map((byte) => `=${byte.toString(16).toUpperCase().padStart(2, '0')}`)
    .join('');

/** All that a reader of mail sees, whatever its encoding, messages inside included. */
async function seen(message: string): Promise<string> {
  const bytes = Uint8Array.from(message, (char) => char.charCodeAt(0));
  const mail = await readReceived(bytes);
  const inside = mail.attachments.map(async ({ content, contentType, filename }) => {
    const text = String.fromCharCode(...content);
    return `${filename} ${contentType.startsWith('message/') ? await seen(text) : text}`;
  });
  const headers = mail.headers.map(({ name, value }) => `${name}: ${value}`);
  return [message, ...headers, mail.text, mail.html, ...(await Promise.all(inside))].join('\n').toLowerCase();
}

const first = lines(
  'Return-Path: <stranger.ann@customer.test>',
  'Received: from laptop.customer.test by mx.customer.test for <shop@alias.test>; Thu, 26 Nov 2026 12:00:00 +0000',
  'DKIM-Signature: v=1; d=customer.test; s=a; h=from; bh=x; b=x',
  `From: "Ann" <${stranger}>`,
  `Sender: ${stranger}`,
  `Reply-To: ann.other@customer.test`,
  `To: Shop <${alias}>, friend@else.test`,
  `Cc: Ann <${stranger.toUpperCase()}>`,
  `Subject: =?utf-8?b?${encode(`Grüße von ${stranger}`)}?=`,
  'Message-ID: <1@customer.test>',
  'Date: Thu, 26 Nov 2026 12:00:00 +0000',
  `X-Mailer: Program of ${stranger}`,
  'MIME-Version: 1.0',
  'Content-Type: multipart/mixed; boundary="b 1"',
  '',
  `preamble ${stranger}`,
  '--b 1',
  'Content-Type: multipart/alternative; boundary=b2',
  '',
  '--b2',
  'Content-Type: text/plain; charset=utf-8',
  'Content-Transfer-Encoding: base64',
  '',
  encode(`Hello, I am Ännchen, ${stranger}; write to ann.other@customer.test, too.\r\n`),
  '--b2',
  'Content-Type: text/html; charset=utf-8',
  'Content-Transfer-Encoding: quoted-printable',
  '',
  `<a href=3D"mailto:stranger.ann%40customer.test">Stranger.Ann&#64;cust=`,
  `omer.test</a> ${quoted(stranger)}`,
  '--b2--',
  '--b 1',
  `Content-Type: text/x-vcard; name="${stranger}.vcf"`,
  `Content-Disposition: attachment; filename="=?utf-8?q?${quoted(stranger)}?=.vcf"`,
  '',
  `BEGIN:VCARD`,
  `EMAIL:${stranger}`,
  '--b 1',
  'Content-Type: message/rfc822',
  '',
  `From: ${stranger}`,
  'Content-Transfer-Encoding: base64',
  '',
  encode(`forwarded by ${stranger}`),
  '--b 1',
  'Content-Type: application/octet-stream; name=picture.bin',
  'Content-Transfer-Encoding: base64',
  '',
  'AAECAwQ=',
  '--b 1--',
  `epilogue ${stranger}`,
);
const answer = lines(
  'Received: from home.private.test ([198.51.100.7]) by smtp.private.test; Thu, 26 Nov 2026 13:00:00 +0000',
  `From: ${owner}`,
  `Disposition-Notification-To: ${owner}`,
  `To: Ann <${reply}>`,
  'Subject: Re: hello',
  'Message-ID: <2@private.test>',
  'In-Reply-To: <m1@alias.test>',
  'References: <m0@elsewhere.test> <m1@alias.test>',
  'Content-Type: text/plain; charset=utf-8',
  'Content-Transfer-Encoding: 8bit',
  '',
  'Hello Ann,',
  '',
  `On Thursday, Ann <${reply}> wrote to ${owner}:`,
  `> Hello, I am ${reply}`,
);

describe('masking', () => {
  it('shows neither side the address of the other in a conversation of four mails', async () => {
    const third = lines(
      `From: Ann <${stranger}>`,
      `To: ${alias}`,
      'Message-ID: <3@customer.test>',
      'In-Reply-To: <m2@alias.test>',
      '',
      `> ${alias} wrote to ${stranger}`,
    );
    const fourth = lines(
      `From: Bob <${owner}>`,
      `To: ${reply}`,
      'Message-ID: <4@private.test>',
      'In-Reply-To: <m3@alias.test>',
      '',
      `${owner} is my address; yours is ${reply}`,
    );
    for (const mail of [first, third]) {
      const got = await seen(masked(mail, toOwner));
      expect(got).not.toContain('stranger.ann');
      expect(got).not.toContain('ann.other');
      expect(got).toContain(reply);
    }
    for (const mail of [answer, fourth]) {
      const got = await seen(masked(mail, toStranger));
      expect(got).not.toContain('bob.real');
      expect(got).not.toContain('private.test');
      expect(got).not.toContain('reply+');
      expect(got).toContain(alias);
      expect(got).toContain(stranger.toLowerCase());
    }
  });
  it('keeps who it is from by name, to whom, when, about what, and all that is no text', async () => {
    const got = masked(first, toOwner);
    const mail = await readReceived(Uint8Array.from(got, (char) => char.charCodeAt(0)));
    expect(mail.from).toBe(`"Ann" <${reply}>`);
    expect(mail.to).toBe(`Shop <${alias}>, friend@else.test`);
    expect(mail.subject).toBe(`Grüße von ${reply}`);
    expect(mail.messageId).toBe('<m1@alias.test>');
    expect(mail.text).toContain(`Hello, I am Ännchen, ${reply}; write to ${reply}, too.`);
    expect(mail.html).toContain(`<a href="mailto:${reply}">${reply}</a> ${reply}`);
    expect(mail.attachments.map(({ filename }) => filename)).toEqual([
      `${reply}.vcf`,
      'attachment-2.eml',
      'picture.bin',
    ]);
    expect(mail.attachments[2]?.content).toEqual(new Uint8Array([0, 1, 2, 3, 4]));
    expect(mail.headers.map(({ name }) => name)).toEqual([
      ...['From', 'To', 'Cc', 'Subject', 'Message-ID', 'Date', 'MIME-Version', 'Content-Type'],
    ]);
  });
  it('keeps the thread for both', () => {
    expect(messageIdsIn(answer)).toEqual(['<2@private.test>', '<m1@alias.test>', '<m0@elsewhere.test>']);
    const got = masked(answer, toStranger);
    expect(got).toContain('In-Reply-To: <1@customer.test>\r\n');
    expect(got).toContain('References: <1@customer.test>\r\n');
    expect(got).toContain('Message-ID: <m2@alias.test>\r\n');
  });
  it('takes a name away that is the address', () => {
    for (const from of [`"${owner}" <${owner}>`, `=?utf-8?b?${encode(owner)}?= <${owner}>`, `<${owner}>`]) {
      expect(masked(lines(`From: ${from}`, '', 'x'), toStranger)).toContain(`From: ${alias}\r\n`);
    }
  });
  it('finds an address with blanks around its dots', () => {
    const got = masked(lines(`From: ${owner}`, 'Cc: bob . real @ private . test', '', 'x'), toStranger);
    expect(got).toContain(`Cc: ${alias}\r\n`);
  });
  it('leaves out signatures and TNEF, which name their writer', () => {
    const signed = lines(
      `From: ${owner}`,
      'Content-Type: multipart/signed; boundary=b',
      ...['', '--b', '', 'text', '--b', 'Content-Type: application/pkcs7-signature'],
      ...['Content-Transfer-Encoding: base64', '', encode(owner), '--b--'],
    );
    expect(masked(signed, toStranger)).not.toContain(encode(owner));
  });
  it.each([
    ['parts without a boundary', ['Content-Type: multipart/mixed']],
    ['a boundary with the address', [`Content-Type: multipart/mixed; boundary="${owner}"`]],
    ['an encrypted mail', ['Content-Type: application/pkcs7-mime; name=smime.p7m']],
    ['UTF-16', ['Content-Type: text/plain; charset=utf-16']],
    ['an encoded message', ['Content-Type: message/rfc822', 'Content-Transfer-Encoding: base64']],
    ['a broken header', ['no field']],
  ])('refuses what it cannot read surely: %s', (_, head) => {
    expect(maskMessage(lines(`From: ${owner}`, ...head, '', 'x'), toStranger)).toHaveProperty('fault');
  });
  it('refuses a nest, in bounded depth', () => {
    const parts = Array.from({ length: 200 }, (_, i) =>
      lines(`--b${i}`, `Content-Type: multipart/mixed; boundary=b${i + 1}`, ''),
    );
    const nest = `From: ${owner}\r\nContent-Type: multipart/mixed; boundary=b0\r\n\r\n${parts.join('')}`;
    expect(maskMessage(nest, toStranger)).toEqual({ fault: 'it has too many parts' });
  });
  it('refuses more text than can be held while it is changed, and takes any other part', () => {
    const mail = (type: string, of: string) =>
      lines(`From: ${owner}`, `Content-Type: ${type}`, '', of.repeat(800_000));
    expect(maskMessage(mail('text/csv', '12345678'), toStranger)).toEqual({
      fault: 'it has too much text to be masked',
    });
    expect(maskMessage(mail('image/png', '12345678'), toStranger)).toHaveProperty('message');
    const preamble = lines(
      `From: ${owner}`,
      'Content-Type: multipart/mixed; boundary=b',
      '',
      '12345678'.repeat(800_000),
    );
    expect(maskMessage(preamble, toStranger)).toHaveProperty('fault');
  });
  it('refuses so many addresses that changing them would make it far longer', () => {
    const mail = (count: number) => lines(`From: ${owner}`, '', 'a@b '.repeat(count));
    const long: Masking = { ...toStranger, writer: ['a@b'], shownAs: `${'s'.repeat(60)}@alias.test` };
    expect(maskMessage(mail(20_000), long)).toHaveProperty('message');
    expect(maskMessage(mail(200_000), long)).toEqual({ fault: 'it has too many addresses to be masked' });
  });
  it('of 2 MB takes time that grows with its bytes', () => {
    for (const line of [
      `${owner} `,
      '--b\r\n',
      '=\r\n',
      '=?utf-8?q?a?= ',
      'a@',
      `<${'a'.repeat(9)}`,
      '\r\n',
    ]) {
      const body = line.repeat(2_000_000 / line.length);
      for (const encoding of ['8bit', 'quoted-printable', 'base64']) {
        const head = `From: ${owner}\r\nContent-Transfer-Encoding: ${encoding}\r\n\r\n`;
        expect(maskMessage(head + body, toStranger)).toHaveProperty('message');
      }
    }
  });
  it('hides the address wherever it is written', async () => {
    const written = fc.constantFrom(
      owner,
      owner.toUpperCase(),
      'bob.real&#64;private.test',
      'bob.real%40private.test',
    );
    const text = fc
      .array(fc.oneof(fc.string({ unit: 'grapheme' }), written, fc.constant('\r\n')))
      .map((all) => all.join(''));
    const encoding = fc.constantFrom('8bit', 'base64', 'quoted-printable');
    await fc.assert(
      fc.asyncProperty(text, encoding, fc.boolean(), async (body, cte, isNested) => {
        const content =
          cte === 'base64'
            ? encode(body).replace(/.{76}/g, '$&\r\n')
            : cte === 'quoted-printable'
              ? quoted(body).replace(/.{60}/g, '$&=\r\n')
              : unescape(encodeURIComponent(body.toWellFormed()));
        const head = ['Content-Type: text/plain; charset=utf-8', `Content-Transfer-Encoding: ${cte}`];
        const entity = lines(...head, '', content);
        const mail = isNested
          ? lines(
              `From: ${owner}`,
              'Content-Type: multipart/mixed; boundary=frontier77',
              '',
              '--frontier77',
            ) +
            entity +
            lines('--frontier77--')
          : `From: ${owner}\r\n${entity}`;
        const got = await seen(masked(mail, toStranger));
        expect(got).not.toMatch(/bob\.real(?:@|&#64;|%40)private\.test/);
      }),
      { numRuns: 300 },
    );
  });

  const folder = new URL('../fixtures/received/', import.meta.url);
  const names = readdirSync(folder).filter((name) => name.endsWith('.eml'));
  it.each(names)('hides who wrote a real or odd mail: %s', async (name) => {
    const raw = readFileSync(new URL(name, folder), 'latin1');
    const { headers } = await readReceived(Uint8Array.from(raw, (char) => char.charCodeAt(0)));
    const authors = headers
      .filter((field) => /^(?:from|sender|reply-to)$/i.test(field.name))
      .flatMap(({ value }) => value.match(/[\w.+-]+@[\w.-]+/g) ?? []);
    const result = maskMessage(raw, { ...toOwner, writer: authors });
    if ('fault' in result) expect(result.fault).toMatch(/^line (?:9|40) of the header is not a field/);
    else
      for (const author of authors)
        expect(await seen(joinMessage(result.message))).not.toContain(author.toLowerCase());
  });
});
