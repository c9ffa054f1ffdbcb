import { env } from 'cloudflare:workers';
import worker from '../../worker/index.ts';
import {
  type Answer,
  bindings,
  call,
  delivered,
  mail,
  nodeToken,
  request,
  result,
  type TestAccount,
  TestNode,
} from './support.ts';

/** A message that a peer has accepted, with the return path that its sender said. */
export interface Sent {
  messageId: string;
  mailFrom: string;
  recipient: string;
}

/** Sends to one recipient, and has it delivered unless told otherwise. */
export async function sent(
  account: TestAccount,
  recipient: string,
  more: { outcome?: Record<string, unknown> | null; body?: Record<string, unknown> } = {},
): Promise<Sent> {
  const { body } = await call(
    'POST',
    '/v1/send',
    account.live,
    mail(account, { to: [recipient], ...more.body }),
  );
  const node = await new TestNode(`node-${crypto.randomUUID()}`).hello();
  const { deliveries } = await node.lease(500);
  const own = deliveries.find((d: Answer) => d.messageId === body.message_id);
  if (more.outcome !== null)
    await node.post('results', { results: [result(own, more.outcome ?? delivered)] });
  return { messageId: body.message_id, mailFrom: own.mailFrom, recipient };
}

let serial = 0;

/** A DSN (RFC 3464); its own Message-ID is new each time. */
export function dsn(
  of: Pick<Sent, 'recipient' | 'messageId'>,
  more: { action?: string; status?: string; diagnostic?: string; id?: string | null } = {},
): string {
  serial += 1;
  const { action = 'failed', status = '5.1.1', id = `<dsn-${serial}@mx.example.net>` } = more;
  const diagnostic = more.diagnostic ?? '550 5.1.1 User unknown';
  return [
    'From: MAILER-DAEMON@mx.example.net',
    'Subject: Undelivered Mail Returned to Sender',
    ...(id === null ? [] : [`Message-ID: ${id}`]),
    'Auto-Submitted: auto-replied',
    'MIME-Version: 1.0',
    'Content-Type: multipart/report; report-type=delivery-status; boundary="b"',
    '',
    '--b',
    'Content-Type: text/plain',
    '',
    'I could not deliver your message.',
    '--b',
    'Content-Type: message/delivery-status',
    '',
    'Reporting-MTA: dns; mx.example.net',
    '',
    `Final-Recipient: rfc822; ${of.recipient}`,
    `Action: ${action}`,
    `Status: ${status}`,
    `Diagnostic-Code: smtp; ${diagnostic}`,
    '',
    '--b',
    'Content-Type: text/rfc822-headers',
    '',
    `Message-ID: <${of.messageId}@sender.example>`,
    '',
    '--b--',
    '',
  ].join('\r\n');
}

/** A feedback report (RFC 5965). */
export function arf(
  of: Pick<Sent, 'recipient' | 'messageId'>,
  more: { type?: string; reportFields?: string[]; originalFields?: string[] } = {},
): string {
  serial += 1;
  return [
    'From: feedback@isp.example',
    'Subject: FW: Your receipt',
    `Message-ID: <arf-${serial}@isp.example>`,
    'MIME-Version: 1.0',
    'Content-Type: multipart/report; report-type=feedback-report; boundary="b"',
    '',
    '--b',
    'Content-Type: text/plain',
    '',
    'This is an abuse report.',
    '--b',
    'Content-Type: message/feedback-report',
    '',
    `Feedback-Type: ${more.type ?? 'abuse'}`,
    'User-Agent: TestFBL/1.0',
    'Version: 1',
    `Original-Rcpt-To: <${of.recipient}>`,
    ...(more.reportFields ?? []),
    '',
    '--b',
    'Content-Type: message/rfc822',
    '',
    ...(more.originalFields ?? [`Message-ID: <${of.messageId}@sender.example>`]),
    'Subject: Your receipt',
    '',
    'Thank you.',
    '--b--',
    '',
  ].join('\r\n');
}

/** Mail without a report. */
export function letter(fields: string[], text = 'Hello.'): string {
  return ['From: ann@example.net', ...fields, '', text, ''].join('\r\n');
}

export type Door = 'node' | 'routing';

/** Hands a mail in by one of the doors, that of nodes with the author whose signature has passed; gives the verdicts, or what Email Routing was told. */
export async function bring(
  raw: string,
  rcptTo: string | string[],
  door: Door = 'node',
  mailFrom = '',
  signedAuthor: string | null = null,
): Promise<string[]> {
  const recipients = [rcptTo].flat();
  if (door === 'node') {
    const query = new URLSearchParams([['mail_from', mailFrom], ...recipients.map((to) => ['rcpt_to', to])]);
    if (signedAuthor !== null) query.set('signed_author', signedAuthor);
    const response = await request(`/node/v1/inbound?${query}`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${await nodeToken()}`, 'Content-Type': 'message/rfc822' },
      body: raw,
    });
    const answer: Answer = await response.json();
    if (response.status !== 200) throw new Error(JSON.stringify(answer));
    return answer.verdicts;
  }
  return await Promise.all(recipients.map((to) => route(raw, to, mailFrom)));
}

/** As Email Routing calls the Worker. */
async function route(raw: string, to: string, from: string): Promise<string> {
  let verdict = 'taken';
  const bytes = new TextEncoder().encode(raw);
  const message = {
    from,
    to,
    raw: new Response(bytes).body,
    rawSize: bytes.length,
    headers: new Headers(),
    setReject: (reason: string) => {
      verdict = reason;
    },
    forward: () => Promise.reject(new Error('not forwarded')),
    reply: () => Promise.reject(new Error('not replied to')),
  };
  await worker.email(message as unknown as ForwardableEmailMessage, env);
  return verdict;
}

/** The kinds and details of a message's events after `dispatched`. */
export async function storyOf(account: TestAccount, messageId: string): Promise<Answer[]> {
  const { body } = await call('GET', `/v1/emails/${messageId}/events`, account.live);
  return body.data.filter((event: Answer) => !['accepted', 'dispatched'].includes(event.kind));
}

export async function statusOf(account: TestAccount, messageId: string): Promise<string> {
  return (await call('GET', `/v1/emails/${messageId}`, account.live)).body.status;
}

/** The suppression entries of an address. */
export async function entriesOf(account: TestAccount, email: string): Promise<Answer[]> {
  const query = new URLSearchParams({ email });
  return (await call('GET', `/v1/suppressions/check?${query}`, account.live)).body.entries;
}

/** Today's counters by name. */
export async function counted(): Promise<Record<string, number>> {
  const { body } = await call('GET', '/admin/v1/counters?days=1', bindings.OPERATOR_TOKEN);
  return Object.fromEntries(body.data.map((row: Answer) => [row.name, row.count]));
}
