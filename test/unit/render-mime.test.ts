import fc from 'fast-check';
import MailComposer from 'nodemailer/lib/mail-composer';
import { describe, expect, it } from 'vitest';
import { renderMime, renderTexts } from '../../worker/intake/render-mime.ts';

const pieces = ['a', 'é', ' ', '\n', '\r\n', '\t', '=', '.', '日本', 'x'.repeat(70)];
const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.array(fc.constantFrom(...pieces), { maxLength: 80 }).map((list) => list.join('')),
);
const attachment = fc.record(
  {
    filename: fc.constantFrom('a.pdf', 'a.txt', 'ü.bin', 'm.eml', 'a.html'),
    content: fc.uint8Array({ maxLength: 400 }).map((bytes) => Buffer.from(bytes)),
    contentType: fc.constantFrom('text/plain', 'application/pdf', 'message/rfc822'),
    cid: fc.constantFrom('x1'),
  },
  { requiredKeys: ['filename', 'content'] },
);
const mail = fc.record(
  { subject: text, text, html: text, attachments: fc.array(attachment, { maxLength: 3 }) },
  { requiredKeys: ['subject', 'attachments'] },
);

function compiled(of: MailComposer.Options) {
  const options = { messageId: '<a@example.com>', date: new Date(0), baseBoundary: 'base' };
  return new MailComposer({ from: 'jö@example.com', to: 'b@example.net', ...options, ...of }).compile();
}

/** Where a line is broken softly (RFC 2045 §6.7) says nothing: white space at the very end moves it. */
const unbroken = (raw: string) => raw.replaceAll('=\r\n', '');

/** But for the boundary, which is by chance. */
const alike = (raw: string) => unbroken(raw).replaceAll(/--_NmP-[0-9a-f]{16}/g, '--_NmP');

describe('rendering a message', () => {
  it('gives what the streams of nodemailer give', async () => {
    await fc.assert(
      fc.asyncProperty(mail, async (of) => {
        const streamed = (await compiled(of).build()).toString('latin1');
        expect(unbroken(await renderMime(compiled(of)))).toBe(unbroken(streamed));
      }),
    );
  });

  it('gives the same for texts alone, of whatever encoding and id, when it has learned and when it learns', async () => {
    const address = fc.stringMatching(/^[a-z0-9!#$%&'*+/=?^_`{|}~.@ <>\u00fc\t-]{1,90}$/);
    const dates = fc.date({ min: new Date(0), max: new Date('9999-12-31'), noInvalidDate: true });
    await fc.assert(
      fc.asyncProperty(text, text, address, dates, async (plain, html, local, date) => {
        const texts = { text: plain, html, messageId: `<${local}@example.com>`, date };
        const compile = () => new MailComposer(texts).compile();
        const wanted = (await compile().build()).toString('latin1');
        for (let i = 0; i < 3; i++) expect(alike(await renderTexts(texts, compile))).toBe(alike(wanted));
      }),
      { numRuns: 300 },
    );
  });

  it('gives each message a boundary of its own', async () => {
    const texts = { text: 'Hello', html: '<p>Hello</p>', messageId: '<a@example.com>', date: new Date() };
    const raws = [];
    for (let i = 0; i < 5; i++) raws.push(await renderTexts(texts, () => new MailComposer(texts).compile()));
    expect(new Set(raws.map((raw) => /boundary="([^"]+)"/.exec(raw)?.[1])).size).toBe(5);
    expect(new Set(raws.map(alike)).size).toBe(1);
  });

  it('gives the same for a part that is left to the streams', async () => {
    const of = { attachments: [{ filename: 'a.bin', content: Buffer.alloc(100_000, 'abc') }], text: 'Hello' };
    expect(await renderMime(compiled(of))).toBe((await compiled(of).build()).toString('latin1'));
  });
});
