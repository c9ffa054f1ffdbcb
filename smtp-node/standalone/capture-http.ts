import type { IncomingMessage, ServerResponse } from 'node:http';
import PostalMime, { type Email } from 'postal-mime';
import { captureScript, captureStyle, listPage, mailPage } from './capture-pages.ts';
import type { CapturedMessage } from './captured-message.ts';

/** Captured mail by HTTP: pages for people, JSON and raw mails for programs. */

export interface KeptMail {
  message: CapturedMessage;
  raw: Buffer;
}

/** A page of another site may have its name resolve to this machine; it cannot say one of these. */
const ownNames = /^(localhost|127\.0\.0\.1)(:\d+)?$/i;
/** So much of a mail's source stands in a page. */
const sourceBytes = 256 * 1024;

const pagePolicy =
  "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; frame-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";
/** A mail's own HTML runs nothing and loads nothing. */
const mailPolicy = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:";

/** @param kept by id, the oldest first */
export async function answerCapture(
  request: IncomingMessage,
  response: ServerResponse,
  kept: ReadonlyMap<string, KeptMail>,
): Promise<void> {
  const say = (status: number, type: string, body: string | Uint8Array, more: Record<string, string> = {}) =>
    response
      .writeHead(status, { 'Content-Type': type, 'X-Content-Type-Options': 'nosniff', ...more })
      .end(body);
  const html = (text: string) =>
    say(200, 'text/html; charset=utf-8', text, { 'Content-Security-Policy': pagePolicy });
  if (!ownNames.test(request.headers.host ?? '')) {
    response.writeHead(421).end();
    return;
  }
  if (request.method !== 'GET') {
    response.writeHead(405, { Allow: 'GET' }).end();
    return;
  }
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost');
  const [, first = '', second = '', third = ''] = pathname.split('/');
  const forPeople = (request.headers.accept ?? '').includes('text/html');
  const newestFirst = () => [...kept.values()].map(({ message }) => message).reverse();
  if (first === '') {
    if (forPeople) {
      const from = Number(searchParams.get('from') ?? 0);
      const query = (searchParams.get('q') ?? '').slice(0, 320);
      html(listPage(newestFirst(), { query, from: Number.isSafeInteger(from) && from > 0 ? from : 0 }));
    } else say(200, 'application/json', JSON.stringify(newestFirst().reverse()));
    return;
  }
  if (first === 'page.css') return void say(200, 'text/css', captureStyle);
  if (first === 'page.js') return void say(200, 'text/javascript', captureScript);
  if (first === 'newest') return void say(200, 'text/plain', [...kept.keys()].at(-1) ?? '');
  const one = kept.get(first);
  const nothing = () => say(404, 'application/json', '{"error":"There is no such message."}');
  if (!one) return void nothing();
  const file = { 'Content-Disposition': 'attachment', 'Content-Security-Policy': mailPolicy };
  if (second === '' && !forPeople) return void say(200, 'message/rfc822', one.raw, file);
  if (second === 'raw') return void say(200, 'message/rfc822', one.raw, file);
  const mail = await parsed(one.raw);
  if (second === '') {
    const source = one.raw.toString('utf8', 0, sourceBytes);
    html(mailPage(one.message, mail, source, searchParams.get('view') ?? ''));
  } else if (second === 'html' && mail?.html)
    say(200, 'text/html; charset=utf-8', mail.html, { 'Content-Security-Policy': mailPolicy });
  else if (second === 'parts' && /^\d{1,4}$/.test(third) && mail?.attachments[Number(third)]) {
    const { content } = mail.attachments[Number(third)] ?? { content: '' };
    const bytes = typeof content === 'string' ? Buffer.from(content) : new Uint8Array(content);
    say(200, 'application/octet-stream', bytes, file);
  } else nothing();
}

async function parsed(raw: Buffer): Promise<Email | null> {
  return await PostalMime.parse(raw).catch(() => null);
}
