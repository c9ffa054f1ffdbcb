import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { limits, sendAtFault, sendSchema } from '#domain/message/submission.ts';

const good = { from: 'a@example.com', to: ['b@example.net'], subject: 'Hello', text_body: 'Hi' };
const attachment = { filename: 'a.pdf', content: 'JVBERg==' };
const many = (count: number) => Array.from({ length: count }, (_, i) => `user${i}@example.net`);
const keyed = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, 'v']));

/** JSON pointers of what is wrong; empty when it is good. */
function faults(body: unknown): string[] {
  const read = sendSchema.safeParse(body);
  const pointers = read.success ? [] : read.error.issues.map((issue) => `/${issue.path.join('/')}`);
  return [...new Set(pointers)];
}

/** What is said of a body; the first of it. */
function saidOf(body: unknown): string {
  const read = sendSchema.safeParse(body);
  const [issue] = read.success ? [] : read.error.issues;
  return (issue && 'issues' in issue ? issue.issues[0]?.message : issue?.message) ?? '';
}

describe('what is said of a fault', () => {
  it.each([
    [{ send_at: '2026-11-16T12:00:00' }, 'has no zone: end it with Z'],
    [{ send_at: 'tomorrow' }, 'must be a time (RFC 3339) such as'],
    [
      { attachments: [{ ...attachment, content: 'data:image/png;base64,aa' }] },
      'leave out "data:image/png;base64,"',
    ],
    [{ attachments: [{ ...attachment, content: 'JVBER' }] }, 'is cut'],
    [{ headers: { 'X A': 'x' } }, 'must be the name of a header field'],
    [{ headers: { Bcc: 'x' } }, 'has a field of its own'],
  ])('%j', (more, detail) => {
    expect(saidOf({ ...good, ...more })).toContain(detail);
  });

  it.each(['cid:logo', '<logo>', 'cid:<logo>', ' logo '])(
    'the id of an attachment is what cid: names: %j',
    (content_id) => {
      const body = sendSchema.parse({ ...good, attachments: [{ ...attachment, content_id }] });
      expect(body.attachments[0]?.content_id).toBe('logo');
    },
  );
});

describe('a send body', () => {
  it('needs from, a recipient, a subject and a text, and fills in the rest', () => {
    expect(sendSchema.parse(good)).toEqual({
      from: { name: '', address: 'a@example.com', localPart: 'a', domain: 'example.com' },
      to: [{ name: '', address: 'b@example.net', localPart: 'b', domain: 'example.net' }],
      cc: [],
      bcc: [],
      reply_to: [],
      subject: 'Hello',
      text_body: 'Hi',
      headers: {},
      attachments: [],
      tags: [],
      metadata: {},
      class: 'standard',
      stream: 'transactional',
      test_mode: false,
      require_tls: false,
    });
  });

  it.each([
    { to: 'b@example.net' },
    { to: 'Bob <b@example.net>' },
    { to: [], cc: 'c@example.net' },
    { to: [], bcc: ['c@example.net'] },
    { to: many(50) },
    { to: many(20), cc: many(20), bcc: many(10) },
    { reply_to: ['r@example.com', 'Support <s@example.com>'] },
    { reply_to: 'r@example.com' },
    { subject: '' },
    { subject: 'Grüße 🎉' },
    { subject: 'x'.repeat(2000) },
    { text_body: undefined, html_body: '<p>Hi' },
    { text_body: 'two\nlines\r\n' },
    { headers: { 'X-Order': '42', 'List-Unsubscribe': '<https://example.com/u>', References: '<a@b>' } },
    { headers: keyed(50) },
    { attachments: [attachment] },
    { attachments: [{ ...attachment, content_type: 'application/pdf', content_id: 'logo@x' }] },
    { attachments: [{ ...attachment, content_type: 'text/plain; charset=utf-8' }] },
    { attachments: [{ ...attachment, content: '' }] },
    { attachments: [{ ...attachment, content: 'JVBE\r\nRg==\r\n' }] },
    { attachments: [{ ...attachment, content: 'JVBERg' }] },
    { attachments: [{ ...attachment, content: '-_-_-w' }] },
    { attachments: [{ ...attachment, content: '-_-_-w==' }] },
    { attachments: Array(100).fill(attachment) },
    { tags: many(10) },
    { tags: ['x'.repeat(64)] },
    { metadata: keyed(20) },
    { metadata: { order: 'x'.repeat(1024) } },
    { class: 'priority' },
    { class: 'digest' },
    { send_at: '2026-11-16T12:00:00Z' },
    { send_at: '2026-11-16T12:00:00.123+02:00' },
    { send_at: '2026-11-16t12:00:00z' },
    { send_at: '2026-11-16 12:00:00Z' },
    { send_at: '2016-12-31T23:59:60Z' },
    { test_mode: true },
  ])('may have %j', (more) => {
    expect(faults({ ...good, ...more })).toEqual([]);
  });

  it.each([
    [{ from: undefined }, '/from'],
    [{ from: 'nobody' }, '/from'],
    [{ from: ['a@example.com'] }, '/from'],
    [{ from: 'a@example.com\r\nBcc: x@example.com' }, '/from'],
    [{ to: [] }, '/to'],
    [{ to: undefined }, '/to'],
    [{ to: 'nobody' }, '/to/0'],
    [{ to: ['b@example.net', 'nobody'] }, '/to/1'],
    [{ to: [7] }, '/to/0'],
    [{ to: 7 }, '/to'],
    [{ to: many(51) }, '/to'],
    [{ to: many(20), cc: many(20), bcc: many(11) }, '/to'],
    [{ cc: ['@'] }, '/cc/0'],
    [{ bcc: ['@'] }, '/bcc/0'],
    [{ reply_to: ['@'] }, '/reply_to/0'],
    [{ reply_to: many(51) }, '/reply_to'],
    [{ subject: undefined }, '/subject'],
    [{ subject: 7 }, '/subject'],
    [{ subject: 'a\r\nBcc: x@example.com' }, '/subject'],
    [{ subject: 'a\nb' }, '/subject'],
    [{ subject: 'a\0b' }, '/subject'],
    [{ subject: 'x'.repeat(2001) }, '/subject'],
    [{ text_body: undefined }, '/text_body'],
    [{ text_body: 7 }, '/text_body'],
    [{ html_body: 7 }, '/html_body'],
    [{ headers: [] }, '/headers'],
    [{ headers: { 'X-A': 7 } }, '/headers/X-A'],
    [{ headers: { 'X-A': 'a\r\nBcc: x@example.com' } }, '/headers/X-A'],
    [{ headers: { 'X-A': 'a\0' } }, '/headers/X-A'],
    [{ headers: { 'X-A': 'x'.repeat(8193) } }, '/headers/X-A'],
    [{ headers: { 'X A': 'x' } }, '/headers/X A'],
    [{ headers: { 'X:A': 'x' } }, '/headers/X:A'],
    [{ headers: { '': 'x' } }, '/headers/'],
    [{ headers: { ['x'.repeat(128)]: 'x' } }, `/headers/${'x'.repeat(128)}`],
    [{ headers: keyed(51) }, '/headers'],
    [{ attachments: attachment }, '/attachments'],
    [{ attachments: Array(101).fill(attachment) }, '/attachments'],
    [{ attachments: [{ filename: 'a.pdf' }] }, '/attachments/0/content'],
    [{ attachments: [{ content: '' }] }, '/attachments/0/filename'],
    [{ attachments: [{ ...attachment, filename: '' }] }, '/attachments/0/filename'],
    [{ attachments: [{ ...attachment, filename: 'a\nb' }] }, '/attachments/0/filename'],
    [{ attachments: [{ ...attachment, filename: 'x'.repeat(256) }] }, '/attachments/0/filename'],
    [{ attachments: [{ ...attachment, content: 'not base64' }] }, '/attachments/0/content'],
    [{ attachments: [{ ...attachment, content: '++-_' }] }, '/attachments/0/content'],
    [{ attachments: [{ ...attachment, content: 'JVBER' }] }, '/attachments/0/content'],
    [{ attachments: [{ ...attachment, content: 'JVBERg=' }] }, '/attachments/0/content'],
    [{ attachments: [{ ...attachment, content: 'data:;base64,JVBERg==' }] }, '/attachments/0/content'],
    [{ attachments: [{ ...attachment, content_id: 'logö' }] }, '/attachments/0/content_id'],
    [{ attachments: [{ ...attachment, content_id: 'cid:' }] }, '/attachments/0/content_id'],
    [{ attachments: [{ ...attachment, content: 'JVBERg=' }] }, '/attachments/0/content'],
    [{ attachments: [{ ...attachment, content: '====' }] }, '/attachments/0/content'],
    [{ attachments: [{ ...attachment, content_type: 'pdf' }] }, '/attachments/0/content_type'],
    [{ attachments: [{ ...attachment, content_type: 'a/b\r\nX: y' }] }, '/attachments/0/content_type'],
    [{ attachments: [{ ...attachment, content_id: 'a b' }] }, '/attachments/0/content_id'],
    [{ attachments: [{ ...attachment, content_id: '<a' + '><b>' }] }, '/attachments/0/content_id'],
    [{ attachments: [{ ...attachment, path: '/etc/passwd' }] }, '/attachments/0'],
    [{ attachments: [{ ...attachment, href: 'http://127.0.0.1/' }] }, '/attachments/0'],
    [{ tags: 'a' }, '/tags'],
    [{ tags: many(11) }, '/tags'],
    [{ tags: [''] }, '/tags/0'],
    [{ tags: ['x'.repeat(65)] }, '/tags/0'],
    [{ tags: [7] }, '/tags/0'],
    [{ metadata: keyed(21) }, '/metadata'],
    [{ metadata: { order: 7 } }, '/metadata/order'],
    [{ metadata: { order: 'x'.repeat(1025) } }, '/metadata/order'],
    [{ metadata: { ['x'.repeat(65)]: 'v' } }, `/metadata/${'x'.repeat(65)}`],
    [{ metadata: { '': 'v' } }, '/metadata/'],
    [{ class: 'urgent' }, '/class'],
    [{ class: 'PRIORITY' }, '/class'],
    [{ send_at: 'tomorrow' }, '/send_at'],
    [{ send_at: '2026-11-16' }, '/send_at'],
    [{ send_at: '2026-11-16T12:00:00' }, '/send_at'],
    [{ send_at: '2026-11-16T24:00:00Z' }, '/send_at'],
    [{ send_at: '2026-11-16T12:00:00+25:00' }, '/send_at'],
    [{ send_at: '2026-02-30T12:00:00Z' }, '/send_at'],
    [{ send_at: 1_800_000_000 }, '/send_at'],
    [{ test_mode: 'yes' }, '/test_mode'],
    [{ html: '<p>Hi' }, '/'],
  ])('must not have %j; the fault is at %s', (more, pointer) => {
    expect(faults({ ...good, ...more })).toEqual([pointer]);
  });

  it.each([
    'From',
    'from',
    'Sender',
    'To',
    'Cc',
    'Bcc',
    'BCC',
    'Date',
    'Message-ID',
    'message-id',
    'Received',
    'Return-Path',
    'Subject',
    'Reply-To',
    'Resent-From',
    'DKIM-Signature',
    'MIME-Version',
    'Content-Type',
    'Content-Transfer-Encoding',
    'X-Pennypost-Class',
    'x-cloudmta-tags',
  ])('must not set the header field %s', (name) => {
    expect(faults({ ...good, headers: { [name]: 'x' } })).toEqual([`/headers/${name}`]);
  });

  it.each([null, 7, 'text', [], [good]])('is not %j', (body) => {
    expect(faults(body)).toEqual(['/']);
  });

  it('is never thrown at by any JSON', () => {
    const named = fc.record(
      Object.fromEntries(
        [...Object.keys(good), 'cc', 'headers', 'attachments', 'tags', 'metadata', 'send_at'].map((key) => [
          key,
          fc.oneof(fc.jsonValue(), fc.constant(good[key as keyof typeof good])),
        ]),
      ),
    );
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), named), (body) => {
        const read = sendSchema.safeParse(body);
        if (read.success) expect(read.data.from.address).toContain('@');
        else expect(read.error.issues.length).toBeGreaterThan(0);
      }),
      { numRuns: 500 },
    );
  });
});

describe('an attachment', () => {
  it.each(['a.exe', 'a.exe ', 'a.exe::$DATA', 'a.exe\t'])('named %j is refused', (filename) => {
    expect(faults({ ...good, attachments: [{ ...attachment, filename }] })).toEqual([
      '/attachments/0/filename',
    ]);
  });

  it.each(['text/html; name="x.exe"', "text/html; x=y; name*=utf-8''x%2Eexe", 'text/html;NAME = x.exe'])(
    'named by its type %j is refused',
    (content_type) => {
      expect(faults({ ...good, attachments: [{ ...attachment, content_type }] })).toEqual([
        '/attachments/0/content_type',
      ]);
    },
  );

  it.each(['application/pdf; name="x.pdf"', 'text/calendar; method=REQUEST; charset=utf-8'])(
    'of type %j is taken',
    (content_type) => {
      expect(faults({ ...good, attachments: [{ ...attachment, content_type }] })).toEqual([]);
    },
  );
});

describe('a time to send at', () => {
  const nowMs = Date.UTC(2026, 10, 16);
  it('is fine up to the last millisecond of thirty days, and in the past', () => {
    expect(sendAtFault(nowMs + limits.scheduleDays * 86_400_000, nowMs)).toBeNull();
    expect(sendAtFault(nowMs - 1, nowMs)).toBeNull();
  });
  it('is not fine later, or when it is no time', () => {
    expect(sendAtFault(nowMs + limits.scheduleDays * 86_400_000 + 1, nowMs)).toContain('30 days');
    expect(sendAtFault('has no zone', nowMs)).toBe('has no zone');
  });
});
