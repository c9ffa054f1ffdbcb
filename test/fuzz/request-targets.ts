import { parse } from 'hono/utils/cookie';
import type { z } from 'zod';
import { unbase32 } from '#domain/base32.ts';
import { canonicalJson } from '#domain/canonical-json.ts';
import { parsePlace } from '#domain/delivery/lease-choice.ts';
import { looksLikeMachine } from '#domain/machine-guess.ts';
import { parseReturnPath } from '#domain/message/return-path.ts';
import { parseLinkToken } from '#domain/message/tracking.ts';
import * as contract from '#domain/node-contract.ts';
import { normalSetupCode } from '#domain/setup-code.ts';
import { CsvError, formatCsvRow, inertCell, parseCsv } from '#domain/suppression/csv.ts';
import { suppressionReasons } from '#domain/suppression/suppression.ts';
import { readImport } from '#domain/suppression/suppression-import.ts';
import { parseDeliveryId, parseRetryAfter } from '#domain/webhook.ts';
import { eventsQuery, listQuery, statsQuery } from '../../worker/api/queries.ts';
import { invalidBody } from '../../worker/http/app.ts';
import { ownCookies } from '../../worker/http/own-cookies.ts';
import { readAddress } from '../../worker/inbound/address.ts';
import { verifyLink } from '../../worker/tokens/mail-links.ts';
import { bearerSecret, bearerToken } from '../../worker/tokens/secret.ts';
import type { Target } from './target.ts';

const keys = [new Uint8Array(32)];
/** Servers of HTTP let no more through in a line or a field. */
const most = 65_536;

/** Reads a text where a schema has one of its values; and as the JSON of a whole body. */
function inSchema(schema: z.ZodType, sample: Record<string, unknown>) {
  const one = (value: unknown) => {
    const read = schema.safeParse(value);
    return read.success ? read.data : invalidBody(read.error.issues).toJSON();
  };
  return (text: string) => [
    ...Object.keys(sample).map((name) => one({ ...sample, [name]: text })),
    ...Object.keys(sample).map((name) => one({ ...sample, [name]: [text, { [text.slice(0, 40)]: text }] })),
    one(jsonOf(text)),
  ];
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

const node = { nodeId: 'a', bootId: 'b' };
const result = { messageId: 'a', n: 0, leaseId: 'l', outcome: { type: 'delivered' } };
const json = [
  '{',
  '}',
  '[',
  ']',
  '"',
  '"type":',
  '"delivered"',
  '"nodeId":"a"',
  ',',
  '"outcome":',
  '1',
  'null',
  '"constructor"',
];

const rows = [
  'email,reason,scope\r\n', 'email,reason\r\n', 'Email Address,Suppression Reason\r\n', 'address,code,error\r\n', 'email,created\r\n',
  ',email,created\r\n', 'email,origin\r\n', 'a@b.example,hard_bounce,account\r\n', 'a@b.example,constructor\r\n', '""', '"', ',', '\r\n',
  '\n', "'=cmd", '2026-11-26', '1700000000', '2024-05-01 10:00:00', '__proto__,', 'a@b.example,',
]; // biome-ignore format: a list of words

/** An import, of which each row is one that the store takes. */
function readWell(text: string): unknown {
  const file = readImport(text, 100_000);
  if (typeof file === 'string') return file;
  for (const { reason, scope, email } of file.rows) {
    if (!suppressionReasons.includes(reason)) throw new Error(`reason ${String(reason)}`);
    if (typeof scope !== 'string' || typeof email !== 'string') throw new Error('no text');
  }
  return file;
}

/** What requests carry beside messages. */
export const requestTargets: readonly Target[] = [
  { name: 'CSV', blocks: rows, read: parseCsv, refuses: (error) => error instanceof CsvError, grows: 60 },
  {
    name: 'import of suppressions',
    blocks: rows,
    read: readWell,
    refuses: (error) => error instanceof CsvError,
    tells: true,
    grows: 120,
  },
  {
    name: 'row of an import',
    blocks: ['hard_bounce', 'constructor', 'toString', '__proto__', '2026-11-26', '1700000000', "'=cmd"],
    read: (text) =>
      ['email,reason,scope', 'email,reason', 'address,code,error', ',email,created', 'email,origin'].map(
        (head) =>
          readWell(
            `${head}\r\n${formatCsvRow(head.split(',').map((column) => (/email|address/.test(column) ? 'a@b.example' : text)))}`,
          ),
      ),
    grows: 120,
  },
  { name: 'row of an export', blocks: rows, read: (text) => formatCsvRow(text.split('|').map(inertCell)) },
  {
    name: 'query of a list',
    blocks: ['2026w48-', '1', '2026-11-26', '-1', '1e9', 'delivered', '%', '_', '99999'],
    most,
    read: inSchema(listQuery, {
      limit: '1',
      offset: '0',
      cursor: null,
      status: null,
      from: null,
      to: null,
      subject: null,
      tag: null,
    }),
    grows: 200,
  },
  {
    name: 'query of events',
    blocks: ['1', '-', 'e'],
    most,
    read: inSchema(eventsQuery, { after: '', limit: '1' }),
    grows: 100,
  },
  {
    name: 'query of statistics',
    blocks: ['2026-11-26', 'day', '-'],
    most,
    read: inSchema(statsQuery, { by: 'day', from: '', to: '' }),
    grows: 100,
  },
  { name: 'id of a webhook delivery', blocks: ['2026w48', '-', '00000000'], most, read: parseDeliveryId },
  {
    name: 'Retry-After',
    blocks: ['120', 'Thu, 26 Nov 2026 10:00:00 GMT', 'Mon'],
    most,
    read: (text) => parseRetryAfter(text, 0),
  },
  {
    name: 'token of a return path or link',
    blocks: ['b-', 'a'.repeat(44), 'a'.repeat(53), '2', '7', '.gif', '@bounces.x.example'],
    most,
    read: async (text) => [
      parseReturnPath(text),
      parseLinkToken(text),
      unbase32(text),
      await readAddress(text, { serviceDomain: 'x.example', returnPathKeys: keys }),
      await verifyLink('click', text.slice(0, 53), text, keys),
    ],
  },
  { name: 'set-up code', blocks: ['ABCD-', 'O', 'l', ' '], most, read: normalSetupCode },
  {
    name: 'Authorization',
    blocks: ['Bearer ', 'bearer', 'pp_live_', 'Basic '],
    most,
    read: (text) => [bearerSecret(text), bearerToken(text)],
  },
  {
    name: 'Cookie',
    blocks: ['pennypost.', '__Secure-pennypost.session_token=', '; ', 'a=1', '%3D'],
    most,
    read: (text) => [ownCookies(text), parse(text), parse(text, 'pennypost.device')],
  },
  {
    name: 'JSON that is the same however it is spelled',
    blocks: json,
    read: (text) => [canonicalJson(jsonOf(text)), canonicalJson({ [text]: [text, { [text]: text.length }] })],
  },
  {
    name: 'User-Agent',
    blocks: ['Mozilla/5.0', 'bot', 'curl/', 'GoogleImageProxy'],
    most,
    read: (userAgent) =>
      looksLikeMachine({
        method: 'GET',
        userAgent,
        prefetch: false,
        atMs: 0,
        deliveredAtMs: 0,
        sending: false,
      }),
  },
  {
    name: 'hello of a node',
    blocks: json,
    read: inSchema(contract.helloRequest, {
      ...node,
      hostName: 'a',
      version: '1',
      submission: null,
      journal: 'kept',
    }),
    grows: 200,
  },
  {
    name: 'lease of a node',
    blocks: json,
    read: inSchema(contract.leaseRequest, {
      ...node,
      max: 1,
      excludeDomains: [],
      busyDomains: [],
      leaseId: 'l',
      place: null,
    }),
    grows: 200,
  },
  {
    name: 'place in the queue',
    blocks: ['{"reach":1,"at":{', '"a":[1,"b",2]', '}}', '"__proto__":', ',"scout":{}'],
    most: 8192,
    read: parsePlace,
  },
  {
    name: 'results of a node',
    blocks: json,
    read: (text) => [
      inSchema(contract.resultsRequest, { ...node, results: [result] })(text),
      inSchema(contract.resultsRequest.shape.results.element, { ...result, messageId: 'x', outcome: {} })(
        text,
      ),
    ],
    grows: 300,
  },
];
