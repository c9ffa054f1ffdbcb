import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readMail } from '../../worker/inbound/read-mail.ts';
import { adversarial } from '../bench/adversarial.ts';

const folder = new URL('../fixtures/dsn/', import.meta.url).pathname;
const names = readdirSync(folder)
  .filter((name) => name.endsWith('.eml'))
  .map((name) => name.slice(0, -4));
const mails = names.map((name) => readFileSync(`${folder}${name}.eml`));

describe('readMail on golden mail', () => {
  it.each(names)('%s', async (name) => {
    const golden: unknown = JSON.parse(readFileSync(`${folder}${name}.json`, 'utf8'));
    expect(readMail(readFileSync(`${folder}${name}.eml`))).toEqual(golden);
  });

  it.each(names)('%s reads the same with CRLF line ends', async (name) => {
    const crlf = readFileSync(`${folder}${name}.eml`, 'utf8').replaceAll('\n', '\r\n');
    const [unix, network] = [readMail(readFileSync(`${folder}${name}.eml`)), readMail(bytes(crlf))];
    expect(network).toEqual(unix);
  });
});

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

const kinds = ['bounce', 'delay', 'complaint', 'autoreply', 'delivered', 'none'];

/** What holds for every mail, also one made to break the reader. */
async function holds(raw: Uint8Array): Promise<void> {
  const startedMs = performance.now();
  const read = readMail(raw);
  expect(performance.now() - startedMs).toBeLessThan(2000);
  expect(kinds).toContain(read.kind);
  expect(read.recipients.length).toBeLessThanOrEqual(100);
  if (read.kind === 'none' || read.kind === 'autoreply') expect(read.recipients).toEqual([]);
  for (const { recipient, diagnostic, permanent, action } of read.recipients) {
    // Empty: the return path tells whose it is.
    expect(recipient.length).toBeLessThanOrEqual(400);
    expect(diagnostic.length).toBeLessThanOrEqual(1024);
    if (permanent) expect(action).toBe('failed');
  }
}

const fixture = fc.constantFrom(...mails);
/** Lines that mean something to the reader, in any order. */
const fragment = fc.constantFrom(
  'Content-Type: multipart/report; report-type=delivery-status; boundary="b"',
  'Content-Type: multipart/mixed; boundary=b',
  'Content-Type: message/delivery-status',
  'Content-Type: message/feedback-report',
  'Content-Type: message/rfc822',
  'Content-Transfer-Encoding: base64',
  'Content-Transfer-Encoding: quoted-printable',
  'Subject: Undelivered Mail Returned to Sender',
  'From: MAILER-DAEMON@example.org',
  'X-Failed-Recipients: a@example.org, b@example.org',
  'Final-Recipient: rfc822; a@example.org',
  'Final-Recipient: utf-8; \\x{110000}@\\x{}.example',
  'Final-Recipient: rfc822;/var/mail/a',
  'Action: failed',
  'Status: 5.1.1',
  'Status: 9.99.9999',
  'Diagnostic-Code: smtp; 550 5.1.1 User unknown',
  'Feedback-Type: abuse',
  'Original-Rcpt-To: a@example.org',
  "Hi. This is the qmail-send program. I'm afraid I wasn't able to deliver your message",
  '   ----- Transcript of session follows -----',
  '<a@example.org>:',
  '>>> RCPT To:<a@example.org>',
  '<<< 550 5.1.1 <a@example.org>... User unknown',
  '{"notificationType":"Bounce","bounce":{"bouncedRecipients":[null,{"emailAddress":1}]}}',
  '--b',
  '--b--',
  '',
  '\t',
);

describe('readMail never throws and never hangs', () => {
  it('on random bytes', async () => {
    await fc.assert(fc.asyncProperty(fc.uint8Array({ maxLength: 4096 }), holds), { numRuns: 2500 });
  });

  it('on lines of reports in any order', async () => {
    const lines = fc.array(fc.oneof({ weight: 4, arbitrary: fragment }, fc.string()), { maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(lines, (given) => holds(bytes(given.join('\n')))),
      { numRuns: 3000 },
    );
  });

  it('on truncated reports', async () => {
    const cut = fc.tuple(fixture, fc.double({ min: 0, max: 1, noNaN: true }));
    await fc.assert(
      fc.asyncProperty(cut, ([mail, share]) => holds(mail.subarray(0, Math.floor(mail.length * share)))),
      { numRuns: 2000 },
    );
  });

  it('on reports with bytes changed', async () => {
    const changes = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), {
      minLength: 1,
      maxLength: 30,
    });
    const changed = fc.tuple(fixture, changes).map(([mail, edits]) => {
      const copy = new Uint8Array(mail);
      for (const [at, byte] of edits) copy[at % copy.length] = byte;
      return copy;
    });
    await fc.assert(fc.asyncProperty(changed, holds), { numRuns: 2000 });
  });

  it('on reports within reports', async () => {
    const nested = fc.tuple(
      fixture,
      fc.integer({ min: 1, max: 60 }),
      fc.constantFrom('message/rfc822', 'multipart/mixed'),
    );
    await fc.assert(
      fc.asyncProperty(nested, ([mail, depth, type]) => holds(nest(mail, depth, type))),
      { numRuns: 500 },
    );
  });

  it.each(adversarial)('on $kind', async ({ of }) => {
    await holds(bytes(of(1_048_576)));
  });
});

function nest(mail: Uint8Array, depth: number, type: string): Uint8Array {
  let text = new TextDecoder().decode(mail);
  for (let i = 0; i < depth; i++) {
    text =
      type === 'message/rfc822'
        ? `Content-Type: message/rfc822\n\n${text}`
        : `Content-Type: ${type}; boundary="n${i}"\n\n--n${i}\n${text}\n--n${i}--\n`;
  }
  return bytes(text);
}
