import { gzipSync } from 'node:zlib';
import { apiAccess } from '../../worker/identity/access/api.ts';
import { dashboardAccess } from '../../worker/identity/access/dashboard.ts';
import { otherAccess } from '../../worker/identity/access/others.ts';

/** A request that nobody with a good credential would send. */
export interface Hostile {
  name: string;
  method: string;
  path: string;
  headers?: Record<string, string>;
  body?: Buffer;
}

const unknownKey = { Authorization: 'Bearer pp_live_0123456789abcdefghijABCDEFGHIJ01' };
const json = { 'Content-Type': 'application/json' };
const raw = { 'Content-Type': 'message/rfc822' };
const urlencoded = { 'Content-Type': 'application/x-www-form-urlencoded' };
const mebibyte = 1024 * 1024;

const mail = (more: object) =>
  Buffer.from(JSON.stringify({ from: 'a@victim.example', to: 'b@example.net', subject: 'x', ...more }));
const nested = `Content-Type: message/rfc822\r\n\r\n`.repeat(20) + 'x'.repeat(2 * mebibyte);

/** Bodies that were found to be dear once, and their relatives. */
const bodies: [name: string, path: string, type: Record<string, string>, body: Buffer][] = [
  ['markdown of many marks', '/api/v0.1/nobody/messages', json, mail({ markdown: '_a_'.repeat(47_000) })],
  ['markdown of numbers', '/api/v0.1/nobody/messages', json, mail({ markdown: '1.*'.repeat(8000) })],
  ['markdown of deep quotes', '/api/v0.1/nobody/messages', json, mail({ markdown: '> '.repeat(10_000) })],
  ['deep JSON', '/v1/send', json, Buffer.from('['.repeat(mebibyte))],
  ['JSON of many values', '/v1/send', json, Buffer.from(`[${'{},'.repeat(mebibyte)}{}]`)],
  ['JSON of 25 MiB', '/v1/send/batch', json, Buffer.alloc(25 * mebibyte, '"a",')],
  ['nested messages', '/v1/send/raw?rcpt_to=a@b.test', raw, Buffer.from(nested)],
  ['empty lines, 24 MiB', '/v1/send/raw?rcpt_to=a@b.test', raw, Buffer.alloc(24 * mebibyte, '\n')],
  ['fields without end, 25 MiB', '/v1/send/raw?rcpt_to=a@b.test', raw, Buffer.alloc(25 * mebibyte, 'a:\r\n')],
  ['gzip bomb', '/v1/send', { ...json, 'Content-Encoding': 'gzip' }, gzipSync(Buffer.alloc(64 * mebibyte))],
  [
    'CSV without end',
    '/v1/suppressions/import',
    { 'Content-Type': 'text/csv' },
    Buffer.alloc(8 * mebibyte, 'a,b\n'),
  ],
  ['settings of a megabyte', '/v1/domains', json, Buffer.alloc(mebibyte, '"a",')],
  ['mail to a return path', '/node/v1/inbound?mail_from=&rcpt_to=a@b.test', raw, Buffer.from(nested)],
  ['results of a node', '/node/v1/results', json, Buffer.alloc(mebibyte, '{"a":')],
  ['call of the operator', '/admin/v1/accounts', json, Buffer.alloc(mebibyte, '{"a":')],
];

const forms: [path: string, form: Record<string, string>][] = [
  ['/sign-in/code', { code: '123456' }],
  ['/sign-in/link', { email: 'nobody@people.example' }],
  ['/sign-in/forgotten', { email: 'nobody@people.example' }],
  ['/sign-in/open', { token: 'x'.repeat(32) }],
  ['/sign-in/reset', { token: 'x'.repeat(24), password: 'a long enough sentence' }],
  ['/sign-in/passkey', { response: '{"id":"AAAA","response":{}}' }],
  ['/sign-in/passkey/options', {}],
  [
    '/set-up',
    { code: 'AAAA-AAAA-AAAA', email: 'a@b.example', name: 'x', password: 'a long enough sentence' },
  ],
  ['/invitation/open', { token: 'x'.repeat(32) }],
  ['/invitation', { token: 'x'.repeat(32), name: 'x', password: 'a long enough sentence' }],
];

const cookies = Array.from({ length: 700 }, (_, i) => `pennypost.c${i}=${i}`).join('; ');

/** Every kind of request that comes without a credential. */
export function hostileRequests(): Hostile[] {
  const dear = bodies.flatMap(([name, path, type, body]): Hostile[] => [
    { name: `${name}, no key`, method: 'POST', path, headers: type, body },
    ...(path.startsWith('/v1') || path.startsWith('/api')
      ? [{ name: `${name}, unknown key`, method: 'POST', path, headers: { ...type, ...unknownKey }, body }]
      : []),
  ]);
  const ways = forms.map(
    ([path, form]): Hostile => ({
      name: `${path}, filled in`,
      method: 'POST',
      path,
      headers: urlencoded,
      body: Buffer.from(new URLSearchParams(form).toString()),
    }),
  );
  const routes = [...apiAccess, ...dashboardAccess, ...otherAccess]
    .filter(({ method, who }) => method === 'GET' || who.surface === 'tracking')
    .map(
      ({ method, path }): Hostile => ({
        name: `${method} ${path}`,
        method,
        path: path
          .replace(':token', 'a'.repeat(53))
          .replace(':file', `${'a'.repeat(53)}.gif`)
          .replace(/:\w+/g, '0'),
      }),
    );
  const others: Hostile[] = [
    { name: 'a page that is not there', method: 'GET', path: `/${'x'.repeat(4000)}` },
    { name: 'an API that is not there', method: 'DELETE', path: '/v1/nothing' },
    { name: 'header of 12 KiB', method: 'GET', path: '/v1/emails', headers: { 'X-A': 'x'.repeat(12_000) } },
    {
      name: 'key of 12 KiB',
      method: 'GET',
      path: '/v1/emails',
      headers: { Authorization: `Bearer ${'x'.repeat(12_000)}` },
    },
    {
      name: 'query of 12 KiB',
      method: 'GET',
      path: `/v1/emails?${'a=%41&'.repeat(2000)}`,
      headers: unknownKey,
    },
    { name: 'target of 12 KiB', method: 'GET', path: `/c/${'a'.repeat(53)}?u=${'%41'.repeat(4000)}` },
    { name: 'many cookies', method: 'GET', path: '/messages', headers: { Cookie: cookies } },
    {
      name: 'session of nobody',
      method: 'GET',
      path: '/',
      headers: { Cookie: `pennypost.session_token=${'x'.repeat(32)}.${'y'.repeat(43)}%3D` },
    },
    {
      name: 'form of many fields',
      method: 'POST',
      path: '/sign-in',
      headers: urlencoded,
      body: Buffer.from('a&'.repeat(30_000)),
    },
    {
      name: 'form of 25 MiB',
      method: 'POST',
      path: '/sign-in',
      headers: urlencoded,
      body: Buffer.alloc(25 * mebibyte, 'a&'),
    },
    {
      name: 'form of 25 MiB, of members',
      method: 'POST',
      path: '/suppressions/import',
      headers: urlencoded,
      body: Buffer.alloc(25 * mebibyte, 'a&'),
    },
    {
      name: 'form to unsubscribe',
      method: 'POST',
      path: `/u/${'a'.repeat(53)}`,
      headers: urlencoded,
      body: Buffer.from('a&'.repeat(30_000)),
    },
  ];
  return [...dear, ...ways, ...routes, ...others];
}

let guessed = 0;

/** A guess of a password, each of another person. It must cost whoever guesses, and so it costs us. */
export function wrongGuess(): Hostile {
  guessed += 1;
  const form = { email: `nobody-${guessed}@people.example`, password: 'a wrong sentence' };
  return {
    name: 'a wrong guess of a password',
    method: 'POST',
    path: '/sign-in',
    headers: urlencoded,
    body: Buffer.from(new URLSearchParams(form).toString()),
  };
}
