import { readdirSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { createTransport } from 'nodemailer';
import type { Page } from 'playwright-core';
import { z } from 'zod';
import { until } from '../lab/until.ts';
import { Captured } from './captured.ts';
import { fillTemplates } from './showcase-templates.ts';
import { Standalone } from './standalone.ts';

/** A product in which something of everything has happened, as a sender of some weeks sees it: for looking at its pages. */

const dayMs = 86_400_000;
const listed = z.array(z.object({ id: z.string() }));
const person = { name: 'Olga Owner', email: 'olga@people.example', password: 'correct horse battery' };

export interface Showcase {
  product: Standalone;
  url: string;
  /** The path of one thing each, by the pattern of its page. */
  paths: Record<string, string[]>;
  /** A captured mail with HTML. */
  captured: string;
  /** Links that mails have, as paths, by the pattern of their page. */
  links: Record<string, string[]>;
  stop(): Promise<void>;
}

/** Starts it; its set-up is done by `fill`. */
export async function startShowcase(dataDir: string): Promise<Standalone> {
  const first = await Standalone.start(dataDir, []);
  await first.interrupt();
  countDaysBefore(dataDir);
  return await Standalone.start(dataDir, []);
}

/** Statistics of the thirty days before: what has happened then, as it was counted. */
function countDaysBefore(dataDir: string): void {
  const files = readdirSync(dataDir, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.sqlite'),
  );
  for (const file of files) {
    const database = new DatabaseSync(join(dataDir, file));
    try {
      const has = database.prepare("SELECT count(*) AS n FROM sqlite_master WHERE name = 'stats'").get();
      if (Number(has?.n) === 0) continue;
      const insert = database.prepare(
        'INSERT OR REPLACE INTO stats (account_id, day, dimension, value, accepted, delivered, deferred, bounced, complained, opened, clicked, failed) VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
      );
      const values: Record<string, Record<string, number>> = {
        day: { '': 1 },
        domain: { 'demo.pennypost.test': 0.7, 'news.demo.pennypost.test': 0.3 },
        tag: { receipt: 0.5, 'password-reset': 0.3, newsletter: 0.2 },
        class: { priority: 0.3, standard: 0.6, digest: 0.1 },
        provider: { google: 0.5, microsoft: 0.3, yahoo: 0.1, other: 0.1 },
        reason: { no_such_user: 0.6, mailbox_full: 0.3, blocked: 0.1 },
      };
      for (let ago = 30; ago >= 1; ago--) {
        const day = new Date(Date.now() - ago * dayMs).toISOString().slice(0, 10).replaceAll('-', '');
        // A week has its shape, and the whole grows a little.
        const sent = 600 + 14 * (30 - ago) + 220 * Math.sin((2 * Math.PI * ago) / 7);
        for (const [dimension, shares] of Object.entries(values))
          for (const [value, share] of Object.entries(shares)) {
            const of = (part: number) => Math.round(sent * share * part);
            insert.run(
              day,
              dimension,
              value,
              of(1),
              of(0.962),
              of(0.05),
              of(0.021),
              of(0.001),
              of(0.41),
              of(0.12),
              of(0.004),
            );
          }
      }
    } finally {
      database.close();
    }
  }
}

/** Sets it up in a browser, and has everything happen once. */
export async function fill(product: Standalone, page: Page): Promise<Showcase> {
  const { facts } = product;
  const url = facts.dashboardUrl;
  const asProgram = async (method: string, path: string, body?: unknown, key = facts.liveKey) => {
    const answer = await fetch(`${facts.apiUrl}${path}`, {
      method,
      headers: { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    return {
      status: answer.status,
      body: z.record(z.string(), z.unknown()).parse(text === '' ? {} : JSON.parse(text)),
    };
  };
  const make = async (path: string, body: unknown, key = facts.liveKey) => {
    const answer = await asProgram('POST', path, body, key);
    if (answer.status >= 300)
      throw new Error(`POST ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body;
  };

  const relay = {
    name: 'ses',
    preset: 'ses',
    user: 'AKIAEXAMPLE',
    secret: 'not a real one',
    daily_quota: 50_000,
  };
  await make('/admin/v1/transports', relay, facts.operatorToken);
  const rules = [{ domain: 'new.example.com', class: 'digest', route: ['ses', 'direct'] }];
  await asProgram('PUT', '/admin/v1/transport-rules', { rules }, facts.operatorToken);

  await page.goto(url);
  await page.getByLabel('Set-up code').fill(facts.setupCode);
  await page.getByLabel('Your name').fill(person.name);
  await page.getByLabel('E-mail').fill(person.email);
  await page.getByLabel('Password').fill(person.password);
  await page.getByRole('button', { name: 'Set up' }).click();
  await page.waitForURL(`${url}/?done=welcome`);
  await page.goto(`${url}/settings`);
  await page.locator('#email').fill('dev@people.example');
  await page.getByRole('button', { name: 'Invite', exact: true }).click();
  await page.getByText('The invitation is on its way').waitFor();

  const receiver = await listen();
  const hook = await make('/v1/webhooks', { url: `${receiver.url}/taken`, description: 'The shop' });
  await make('/v1/webhooks', {
    url: `${receiver.url}/refused`,
    format: 'cloudmailin',
    events: ['bounced', 'complained'],
  });

  const from = `Shop <shop@${facts.domain}>`;
  const send = (more: object, key = facts.liveKey) =>
    make('/v1/send', { from, text_body: 'Thank you for your order.', ...more }, key);
  const html =
    '<div style="font-family:sans-serif;max-width:36rem;margin:auto"><h1>Thank you, Ann</h1><p>Your order <b>4711</b> is on its way.</p><table><tr><td>Tea</td><td>12.00</td></tr><tr><td>Cup</td><td>8.50</td></tr></table><p><a href="https://shop.example/orders/4711">See your order</a></p></div>';
  const whole = await send({
    to: ['ann@example.net'],
    subject: 'Your receipt 4711',
    html_body: html,
    tags: ['receipt'],
    metadata: { order: '4711' },
    class: 'priority',
    attachments: [
      {
        filename: 'receipt.pdf',
        content: Buffer.alloc(34_000, 'x').toString('base64'),
        content_type: 'application/pdf',
      },
    ],
  });
  for (const [subject, to, tag, kind] of [
    ['Reset your password', 'ben@example.org', 'password-reset', 'priority'],
    [
      'Your order 4712 has been shipped',
      'carla.with.a.rather.long.name@department.university.example',
      'shipping',
      'standard',
    ],
    ['إشعار بخصوص طلبك رقم 4711', 'dana@example.net', 'receipt', 'standard'],
    [
      'News of November: new teas, opening hours over the holidays, and where to meet us in the next weeks',
      'emil@example.net',
      'newsletter',
      'digest',
    ],
    ['', 'fred@example.net', 'receipt', 'standard'],
  ] as const)
    await send({ to: [to], subject, tags: [tag], class: kind });
  const many = Array.from({ length: 14 }, (_, i) => `member${i + 1}@example.net`);
  await send({ to: many, subject: 'Minutes of the meeting', tags: ['minutes'] });
  const bounce = await send({ to: ['gone@example.net'], subject: 'Where are you?', tags: ['receipt'] });
  const complaint = await send({
    to: ['angry@example.net'],
    subject: 'You may like this',
    tags: ['newsletter'],
    class: 'digest',
    unsubscribe_scope: 'tag',
  });
  await send({
    to: ['hana@example.net'],
    subject: 'Teas of the week',
    tags: ['newsletter'],
    class: 'digest',
    unsubscribe_scope: 'class',
  });
  const simulator = (part: string) => `${part}@simulator.pennypost.test`;
  await send({ to: [simulator('hard-bounce')], subject: 'A test of a bounce' });
  await send({ to: [simulator('greylisted')], subject: 'A test of a delay' });
  await send({ to: ['someone@example.net'], subject: 'Only checked' }, facts.testKey);
  const later = new Date(Date.now() + dayMs).toISOString();
  await send({ to: ['gina@example.net'], subject: 'Tomorrow', send_at: later }).catch(() => undefined);
  await make('/v1/suppressions', { email: 'left@example.net', reason: 'manual', note: 'asked by phone' });
  await asProgram('POST', '/v1/send', {
    from: 'a@elsewhere.example',
    to: ['x@example.net'],
    subject: 'x',
    text_body: 'x',
  });
  await asProgram('POST', '/v1/send', { from, to: ['left@example.net'], subject: 'x', text_body: 'x' });
  await asProgram('POST', '/v1/send', { from, to: ['not an address'], subject: 'x', text_body: 'x' });

  const pending = await make('/v1/domains', { domain: 'shop.example', type: 'outbound' });
  const verified = await asProgram('GET', `/v1/domains/${facts.domain}`);
  const inbound = await asProgram('GET', `/v1/domains/${facts.inboundDomain}`);
  const inboundId = String(inbound.body.id);
  await make(`/v1/domains/${inboundId}/routes`, {
    pattern: 'support+*',
    action: 'webhook',
    targets: [],
    text: '',
  });
  await make(`/v1/domains/${inboundId}/rules`, {
    name: 'No newsletters',
    conditions: [{ field: 'subject', header_name: null, comparator: 'contains', value: 'newsletter' }],
    action: 'refuse',
    targets: [],
    text: 'We read none.',
  });
  await make('/v1/aliases', {
    domain: facts.aliasDomain,
    address: 'sales',
    forward_to: ['team@people.example'],
    description: 'For the web site',
  });

  const templates = await fillTemplates(make, asProgram);

  const captured = new Captured(facts.captureUrl);
  const returned = async (subject: string, mail: (token: string) => string) => {
    const { mailFrom } = await captured.waitFor(subject);
    await bring(facts.returnPath, '', mailFrom, mail(mailFrom));
  };
  await returned('Where are you?', (to) => notice(to, 'gone@example.net'));
  await returned('You may like this', (to) => complaintOf(to, 'angry@example.net'));
  await bring(
    facts.returnPath,
    'ann@example.net',
    `info@${facts.inboundDomain}`,
    question(`info@${facts.inboundDomain}`),
  );
  await bring(
    facts.returnPath,
    'ann@example.net',
    `hello@${facts.aliasDomain}`,
    question(`hello@${facts.aliasDomain}`),
  );

  await product.api.event(String(whole.message_id), 'delivered');
  await product.api.event(String(bounce.message_id), 'bounced');
  await product.api.event(String(complaint.message_id), 'complained');
  const received = await until('the received mail', 30_000, async () => {
    const { body } = await asProgram('GET', '/v1/inbound-emails');
    return listed.parse(body.emails)[0];
  });
  const posted = await until('a webhook to be posted', 30_000, async () => {
    const { body } = await asProgram('GET', `/v1/webhook-deliveries?endpoint=${hook.id}&state=delivered`);
    return listed.parse(body.data)[0];
  });
  await page.goto(`${url}/messages/${bounce.message_id}`);
  const bounced = (await page.locator('a[href*="/returned/"]').first().getAttribute('href')) ?? '';
  const links = async (subject: string, found: RegExp) => {
    const text = (await captured.waitFor(subject)).raw.toString('latin1');
    const plain = text.replaceAll('=\r\n', '').replace(/\r\n(?=[ \t])/g, '');
    return [...plain.matchAll(found)].slice(0, 1).map(([link]) => new URL(link));
  };
  const toUnsubscribe = /https?:\/\/\S+\/u\/[^\s<>]+/g;
  const offered = await links('Teas of the week', toUnsubscribe);
  const used = await links('You may like this', toUnsubscribe);
  for (const link of used)
    await fetch(link, { method: 'POST', body: new URLSearchParams({ 'List-Unsubscribe': 'One-Click' }) });
  const asked = await links('May mail be sent on to you?', /https?:\/\/\S+\/destination\/[\w-]+/g);
  const pathsOf = (found: URL[]) => found.map(({ pathname, search }) => pathname + search);
  const mail = await captured.waitFor('Your receipt 4711');
  return {
    product,
    url,
    captured: mail.id,
    links: { '/u/:token': pathsOf([...offered, ...used]), '/destination/:token': pathsOf(asked) },
    paths: {
      '/messages/:id': [
        `/messages/${whole.message_id}`,
        `/messages/${bounce.message_id}`,
        `/messages/${complaint.message_id}`,
      ],
      '/messages/:id/returned/:event': [bounced],
      '/recipients/:domain': ['/recipients/example.net'],
      '/domains/:id': [`/domains/${pending.id}`, `/domains/${verified.body.id}`, `/domains/${inboundId}`],
      '/domains/:id/dmarc': [`/domains/${verified.body.id}/dmarc`],
      '/domains/:id/routes': [`/domains/${inboundId}/routes`],
      '/domains/:id/rules': [`/domains/${inboundId}/rules`],
      '/received/:id': [`/received/${received.id}`],
      '/received/:id/reply': [`/received/${received.id}/reply`],
      '/templates/:id': templates,
      '/templates/:id/versions': templates.map((path) => `${path}/versions`),
      '/webhooks/:id': [`/webhooks/${hook.id}`],
      '/webhook-deliveries/:id': [`/webhook-deliveries/${posted.id}`],
    },
    stop: async () => {
      receiver.server.closeAllConnections();
      receiver.server.close();
      await product.interrupt();
    },
  };
}

async function listen(): Promise<{ server: Server; url: string }> {
  const server = createServer((request, response) => {
    request.resume();
    request.on('end', () => response.writeHead(request.url === '/refused' ? 500 : 200).end('thanks'));
  });
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the receiver has no port');
  return { server, url: `http://127.0.0.1:${address.port}` };
}

/** Brings a mail to the node's port for incoming mail. */
async function bring(
  place: { host: string; port: number } | null,
  from: string,
  to: string,
  raw: string,
): Promise<void> {
  if (!place) throw new Error('it takes no incoming mail');
  const transport = createTransport({ ...place, tls: { rejectUnauthorized: false } });
  try {
    await transport.sendMail({ envelope: { from, to: [to] }, raw: raw.replaceAll('\n', '\r\n') });
  } finally {
    transport.close();
  }
}

/** RFC 3464: it could not be delivered for good. */
const notice = (to: string, recipient: string) => `From: MAILER-DAEMON@mx.example.net
To: ${to}
Subject: Undelivered Mail Returned to Sender
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b
Content-Type: text/plain

The mailbox does not exist.

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net

Final-Recipient: rfc822; ${recipient}
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 <${recipient}>: user unknown

--b--
`;

/** RFC 5965: a reader says that it is spam. */
const complaintOf = (to: string, recipient: string) => `From: feedback@isp.example
To: ${to}
Subject: Abuse report
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary=b

--b
Content-Type: text/plain

A reader has reported this mail.

--b
Content-Type: message/feedback-report

Feedback-Type: abuse
User-Agent: isp/1.0
Version: 1
Original-Rcpt-To: ${recipient}

--b
Content-Type: message/rfc822

From: shop@demo.pennypost.test
Subject: You may like this

x
--b--
`;

const question = (to: string) => `From: Ann <ann@example.net>
To: ${to}
Subject: When do you open?
Message-ID: <question.${to.slice(0, 4)}@example.net>
Date: ${new Date().toUTCString()}
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/html; charset=utf-8

<p>Good morning, when do you <b>open</b> on Sundays? A map is attached.</p>
--b
Content-Type: text/plain; name=map.txt
Content-Disposition: attachment; filename=map.txt

here
--b--
`;
