import { beforeAll, describe, expect, it } from 'vitest';
import { type Answer, call, mail, migrate, newAccount, rawOf, request, type TestAccount } from './support.ts';

/**
 * Inputs of the world, one row each: what clients in other languages, spreadsheets and clipboards hand over. Those of DNS are in
 * `test/unit/record-check.test.ts`, those of SMTP in `test/smtp-node/capture-mx.test.ts` and `submission.test.ts`.
 */
let account: TestAccount;
beforeAll(async () => {
  await migrate();
  account = await newAccount();
});

interface Said {
  status: number;
  body: Answer;
}

/** The doors that a text may come in by; each gives its answer. */
const doors = {
  send: (body: object) => call('POST', '/v1/send', account.live, mail(account, body as Answer)),
  batch: async (body: object) => {
    const answer = await call('POST', '/v1/send/batch', account.live, [mail(account, body as Answer)]);
    const [result] = answer.body;
    return { status: result.status === 'queued' ? 202 : result.status, body: result };
  },
  cloudmailin: (body: object) =>
    call('POST', '/api/v0.1/pennypost/messages', account.live, {
      from: `shop@${account.domain}`,
      to: 'user@example.net',
      subject: 'Your receipt',
      plain: 'Thank you.',
      ...body,
    }),
  resend: (body: object) =>
    call('POST', '/resend/emails', account.live, {
      from: `shop@${account.domain}`,
      to: 'user@example.net',
      subject: 'Your receipt',
      text: 'Thank you.',
      ...body,
    }),
  postmark: async (body: object) => {
    const sent = {
      From: `shop@${account.domain}`,
      To: 'user@example.net',
      Subject: 'x',
      TextBody: 'x',
      ...body,
    };
    const response = await request('/postmark/email', {
      method: 'POST',
      headers: { 'X-Postmark-Server-Token': account.live, 'Content-Type': 'application/json' },
      body: JSON.stringify(sent),
    });
    return { status: response.status, body: await response.json() };
  },
  suppressions: (body: object) => call('POST', '/v1/suppressions', account.live, body),
  domains: (body: object) => call('POST', '/v1/domains', account.live, body),
} as const satisfies Record<string, (body: object) => Promise<Said>>;
type Door = keyof typeof doors;
const said = ({ body }: Said) => JSON.stringify(body);

/** An input of the world: where it comes in, what it is, the status, and what is said of it or kept of it. */
type Row = [input: string, door: Door, body: object, status: number, says?: string];

const hidden: Row[] = [
  ...(['\u200b', '\u00ad', '\u202e', '\u00a0'] as const).flatMap((char): Row[] => {
    const code = `U+${(char.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`;
    return [
      [`${code} in a local part`, 'send', { to: `y${char}ou@example.net` }, 400, code],
      [`${code} in a domain`, 'send', { to: `you@exa${char}mple.net` }, 400, code],
      [`${code} at the end`, 'send', { to: `you@example.net${char}` }, 202],
      [`${code} at the beginning, behind a name`, 'send', { to: `You <${char}you@example.net>` }, 202],
      [`${code} in an author`, 'send', { from: `sh${char}op@sender.example` }, 400, code],
      [`${code} in an answer’s address`, 'send', { reply_to: `a${char}b@example.net` }, 400, code],
      [`${code} by a batch`, 'batch', { to: `y${char}ou@example.net` }, 400, code],
      [`${code} by another dialect`, 'cloudmailin', { to: `y${char}ou@example.net` }, 422, code],
      [`${code} by a third`, 'resend', { to: `y${char}ou@example.net` }, 422, code],
      [`${code} by a fourth`, 'postmark', { To: `y${char}ou@example.net` }, 422, code],
      [`${code} in a suppression`, 'suppressions', { email: `y${char}ou@example.net` }, 400, code],
      [`${code} in a domain of one’s own`, 'domains', { domain: `exa${char}mple.net` }, 400, code],
    ];
  }),
  [
    'the same in a scope',
    'suppressions',
    { email: 'a@example.net', scope: 'exa\u200bmple.com' },
    400,
    'U+200B',
  ],
  [
    'the same at the end of a domain',
    'domains',
    { domain: ' pasted.example.\u200b' },
    201,
    '"domain":"pasted.example"',
  ],
  ['a symbol, which IDNA2008 has not', 'send', { to: 'you@\u2665.example' }, 400, 'RFC 5892'],
  ['a label that is no A-label', 'send', { to: 'you@xn--a.example' }, 400, 'not valid'],
];

const nothing = (...names: string[]) => Object.fromEntries(names.map((name) => [name, null]));
const absent: Row[] = [
  [
    'null for each optional field',
    'send',
    nothing(
      'cc',
      'bcc',
      'reply_to',
      'html_body',
      'headers',
      'attachments',
      'tags',
      'metadata',
      'class',
      'send_at',
      'test_mode',
      'require_tls',
      'track_opens',
      'track_clicks',
      'unsubscribe',
    ),
    202,
  ],
  ['[] for maps', 'send', { headers: [], metadata: [] }, 202],
  ['null within maps', 'send', { headers: { 'X-A': null }, metadata: { order: null } }, 202],
  [
    'null in an attachment',
    'send',
    { attachments: [{ filename: 'a', content: '', content_type: null, content_id: null }] },
    202,
  ],
  [
    'null in a message of a batch',
    'batch',
    { ...nothing('cc', 'html_body'), headers: [], metadata: [] },
    202,
  ],
  [
    'null for a text where another is',
    'cloudmailin',
    {
      ...nothing('cc', 'html', 'raw', 'tags', 'attachments', 'priority', 'test_mode', 'markdown'),
      headers: [],
    },
    202,
  ],
  [
    'null by a third dialect',
    'resend',
    { ...nothing('cc', 'bcc', 'reply_to', 'html', 'attachments', 'tags', 'scheduled_at'), headers: [] },
    200,
  ],
  [
    'null by a fourth',
    'postmark',
    nothing('Cc', 'Bcc', 'ReplyTo', 'HtmlBody', 'Headers', 'Attachments', 'Tag', 'Metadata'),
    200,
  ],
  ['[] for its map', 'postmark', { Metadata: [] }, 200],
  [
    'null in a suppression',
    'suppressions',
    { email: 'null@example.net', ...nothing('reason', 'scope', 'note', 'expires_at') },
    201,
  ],
  ['null in a domain', 'domains', { domain: 'null.example', ...nothing('type', 'return_path_label') }, 201],
  ['null for what must be there', 'send', { subject: null }, 400, '/subject'],
];

const attach = (attachment: object) => ({ attachments: [{ filename: 'a', content: '', ...attachment }] });
const parts: Row[] = [
  ['cid: before a content id', 'send', attach({ content_id: 'cid:logo' }), 202],
  ['letters beyond ASCII in a content id', 'send', attach({ content_id: 'l\u00f6go' }), 400, 'must be ASCII'],
  ['base64 without padding', 'send', attach({ content: 'YQ' }), 202],
  ['base64 for URLs', 'send', attach({ content: '-_8' }), 202],
  ['both alphabets in one', 'send', attach({ content: '-/8=' }), 400, 'must be base64'],
  ['base64 that is cut', 'send', attach({ content: 'YWJjZ' }), 400, 'is cut'],
  [
    'a data: URI',
    'send',
    attach({ content: 'data:image/png;base64,YQ==' }),
    400,
    'leave out \\"data:image/png;base64,\\"',
  ],
  [
    'a data: URI by another dialect',
    'resend',
    { attachments: [{ filename: 'a', content: 'data:text/plain;base64,YQ==' }] },
    422,
    'data:text/plain',
  ],
  ['a header of ours', 'send', { headers: { Bcc: 'x@example.net' } }, 400, 'the service writes itself'],
  [
    'a blank in a header’s name',
    'send',
    { headers: { 'X A': 'x' } },
    400,
    'must be the name of a header field',
  ],
  [
    'a header of ours, by another dialect',
    'resend',
    { headers: { Received: 'x' } },
    422,
    'the service writes itself',
  ],
  [
    'a header of ours, by a third',
    'postmark',
    { Headers: [{ Name: 'Received', Value: 'x' }] },
    422,
    'the service writes itself',
  ],
];

const in2Days = new Date(Date.now() + 2 * 86_400_000).toISOString().slice(0, 19);
const times: Row[] = [
  ['a time without a zone', 'send', { send_at: in2Days }, 400, 'has no zone'],
  ['"t" and "z" in lower case', 'send', { send_at: `${in2Days}z`.toLowerCase() }, 202],
  ['an offset and a fraction', 'send', { send_at: `${in2Days}.5+02:00` }, 202],
  ['a day that is none', 'send', { send_at: '2030-02-30T00:00:00Z' }, 400, 'no time that there is'],
  ['a time without a zone by another dialect', 'resend', { scheduled_at: in2Days }, 422, 'zone'],
];

// biome-ignore format: a table
describe.each([['what nobody sees', hidden], ['what is not there', absent], ['parts', parts], ['times', times]] as const)('%s', (_, rows) => {
  it.each(rows)('%s, to %s', async (_input, door, body, status, says = '') => {
    const answer = await doors[door](body);
    expect([answer.status, said(answer)]).toEqual([status, expect.stringContaining(says)]);
  });
});

describe('what is kept', () => {
  it('is the address without what nobody sees at its ends, in envelope and header', async () => {
    const { body } = await doors.send({ to: 'Me <\u200bkept@example.net\u00a0>' });
    expect(await rawOf(body.message_id)).toMatch(/^To: Me <kept@example.net>\r$/m);
    const kept = await call('GET', `/v1/emails/${body.message_id}`, account.live);
    expect(kept.body.deliveries.map((one: Answer) => one.recipient)).toEqual(['kept@example.net']);
  });

  it('is the content id without cid:, and the bytes of every form of base64', async () => {
    const attachments = ['+/8=', '-_8', '+/8'].map((content, i) => ({
      filename: `${i}`,
      content,
      content_id: i === 0 ? 'cid:logo' : undefined,
    }));
    const raw = await rawOf(
      (await doors.send({ html_body: '<img src="cid:logo">', attachments })).body.message_id,
    );
    expect(raw).toContain('Content-ID: <logo>');
    expect(raw.match(/^\+\/8=\r$/gm)).toHaveLength(3);
  });
});

it('takes another order of members for the same request', async () => {
  const [a, b] = [
    mail(account, { metadata: { a: '1', b: '2' } }),
    mail(account, { metadata: { b: '2', a: '1' } }),
  ];
  const turned = Object.fromEntries(Object.entries(b).reverse());
  const key = { 'Idempotency-Key': 'order of members' };
  const first = await call('POST', '/v1/send', account.live, a, key);
  const again = await call('POST', '/v1/send', account.live, turned, key);
  expect([again.status, again.body, again.headers.get('Idempotent-Replayed')]).toEqual([
    202,
    first.body,
    'true',
  ]);
});

describe('a list as spreadsheets save it', () => {
  const utf16 = (text: string, little: boolean) => {
    const view = new DataView(new ArrayBuffer(text.length * 2));
    for (let i = 0; i < text.length; i++) view.setUint16(i * 2, text.charCodeAt(i), little);
    return new Uint8Array(view.buffer);
  };
  const ambiguous = [{ line: 2, detail: expect.stringContaining('could be of two days: "01.05.2024"') }];
  it.each([
    ['semicolons', 'email;created\na@example.net;2024-05-01\n', []],
    ['tabs', 'email\tcreated\na@example.net\t2024-05-01\n', []],
    ['UTF-16, little end first', utf16('\ufeffemail;created\r\na@example.net;2024-05-01\r\n', true), []],
    ['UTF-16, big end first', utf16('\ufeffemail;created\r\na@example.net;2024-05-01\r\n', false), []],
    ['one column', 'email\na@example.net\n', []],
    ['one column and nothing below its last line', 'Email Address\r\na@example.net', []],
    ['a date of two days', 'email;created\na@example.net;01.05.2024\n', ambiguous],
    ['a date of one day', 'email;created\na@example.net;31.05.2024\n', []],
    [
      'no date',
      'email;created\na@example.net;soon\n',
      [{ line: 2, detail: expect.stringContaining('soon') }],
    ],
  ])('%s', async (_, body, warnings) => {
    const response = await request('/v1/suppressions/import?commit=false', {
      method: 'POST',
      headers: { Authorization: `Bearer ${account.live}`, 'Content-Type': 'text/csv' },
      body,
    });
    expect([response.status, await response.json()]).toMatchObject([200, { new: 1, invalid: 0, warnings }]);
  });
});
