/**
 * What comes back in the mail lab: Postfix and Exim accept messages and return them by DSNs of their own, which find
 * their way by DNS to the port-25 listener, and to the customer by signed webhooks. Everything is sent at the start;
 * each test looks at what became of it.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { PublicEvent } from '#domain/delivery/event.ts';
import { whyNoExim } from '../lab/exim.ts';
import type { Forward } from '../lab/forward.ts';
import type { HostName } from '../lab/hosts.ts';
import { describeInLab } from '../lab/suite.ts';
import { swaks } from '../lab/swaks.ts';
import { until } from '../lab/until.ts';
import { Api, Operator } from '../support/api.ts';
import { Standalone, standaloneArguments } from '../support/standalone.ts';
import { WebhookReceiver } from '../support/webhook-receiver.ts';

const domain = 'returns.test';
const returnPathHost = `pp-bounces.${domain}`;
const from = `Shop <shop@${domain}>`;

/** Mail servers that accept everything and return what mx1 refuses. */
const servers: [name: string, host: HostName, recipientDomain: string, leftOut: string | undefined][] = [
  ['Postfix', 'bouncer', 'postfixbounce.test', undefined],
  ['Exim', 'exim', 'eximbounce.test', whyNoExim],
];
/** Recipients, by what mx1 says to them, and what their DSN must come to. */
const failures = {
  nobody: { status: '5.1.1', class: 'bad_mailbox', suppresses: true },
  full: { status: '5.2.2', class: 'mailbox_full', suppresses: false },
  policy: { status: '5.7.1', class: 'policy', suppresses: false },
  tmp: { suppresses: false },
} as const;
/** Retried until the queue gives up, after a warning. */
const expiring = 'tmp';

const suppressionCheck = z.object({
  suppressed: z.boolean(),
  entries: z.array(z.looseObject({ reason: z.string(), proof: z.string(), message_id: z.string() })),
});

const endpoint = z.object({ id: z.string(), secret: z.string() });
/** A webhook in the format `event`. */
const webhook = z.object({
  id: z.string(),
  type: z.string(),
  data: z.looseObject({ message_id: z.string(), to: z.string() }),
});

describeInLab('what comes back among real mail servers', (lab) => {
  let product: Standalone;
  let api: Api;
  let way: Forward;
  let wayBack: Forward;
  let receiver: WebhookReceiver;
  /** What the receiver has verified and taken, by the id of the event. */
  const hooks = new Map<string, z.output<typeof webhook>>();
  const ids = new Map<string, string>();

  beforeAll(async () => {
    const dataDir = join(lab.handle.dir, 'returns');
    await mkdir(dataDir);
    const options = ['--deliver', '--host', '0.0.0.0', '--return-path-port', '25'];
    const child = lab.spawn('sender', process.execPath, standaloneArguments(dataDir, options), {
      detached: true,
      env: { ...process.env, PENNYPOST_HOST_NAME: lab.hosts.sender.fqdn, PENNYPOST_ALLOW_LOCAL_MX: 'true' },
    });
    product = await Standalone.of(child, dataDir);
    way = await lab.forward('sender', Number(new URL(product.facts.apiUrl).port));
    api = new Api(`http://127.0.0.1:${way.port}`, product.facts.liveKey);
    await new Operator(api.url, product.facts.operatorToken).createDomain(1, {
      domain,
      verified: true,
      return_path_host: returnPathHost,
    });
    await lab.dns.replace('pennypost.test', 'bounces', 'MX', [`10 ${lab.hosts.sender.fqdn}.`]);
    await lab.dns.set(domain, [{ name: 'pp-bounces', type: 'CNAME', value: 'bounces.pennypost.test.' }]);
    receiver = await WebhookReceiver.start(() => 200);
    receiver.onTaken = (_, body) => {
      const hook = webhook.parse(body);
      hooks.set(hook.id, hook);
    };
    wayBack = await lab.reverse('sender', Number(new URL(receiver.url).port));
    const made = await api.call('POST', '/v1/webhooks', {
      url: `http://127.0.0.1:${wayBack.port}/hook`,
      events: ['email.bounced', 'email.deferred'],
    });
    receiver.secret = endpoint.parse(made.answer).secret;
    for (const [, , recipientDomain, leftOut] of servers) {
      if (leftOut) continue;
      for (const name of ['user', ...Object.keys(failures)]) {
        const to = `${name}@${recipientDomain}`;
        ids.set(to, await api.send({ from, to, subject: to, text_body: 'Good day' }));
      }
    }
  }, 180_000);

  afterAll(async () => {
    await way?.close();
    expect(await product?.terminate()).toBe(0);
    await wayBack?.close();
    await receiver?.stop();
  }, 60_000);

  function idOf(to: string): string {
    const id = ids.get(to);
    if (id === undefined) throw new Error(`nothing was sent to ${to}`);
    return id;
  }

  /** The events of a message that are about its fate, once it has bounced. */
  async function bounced(to: string, host: HostName): Promise<PublicEvent[]> {
    await api.event(idOf(to), 'bounced', 90_000).catch(async (cause: unknown) => {
      throw new Error(`${cause}\n${(await lab.mailLog(host)).split('\n').slice(-40).join('\n')}`);
    });
    return (await api.events(idOf(to))).filter(({ kind }) => !['accepted', 'dispatched'].includes(kind));
  }

  const suppressionOf = async (email: string) => {
    const { answer } = await api.call('GET', `/v1/suppressions/check?${new URLSearchParams({ email })}`);
    return suppressionCheck.parse(answer);
  };

  describe.each(servers)('%s', (_, host, recipientDomain, leftOut) => {
    const only = leftOut ? it.skip : it;

    only.each(Object.entries(failures))(
      'returns mail to %s@, which was delivered before',
      async (name, expected) => {
        const to = `${name}@${recipientDomain}`;
        const events = await bounced(to, host);
        expect(events[0]?.kind).toBe('delivered');
        const last = events.at(-1);
        expect(last).toMatchObject({
          kind: 'bounced',
          recipient: to,
          details: { source: 'dsn', ...expected },
        });
        expect((await api.email(idOf(to))).status).toBe('bounced');
        const { suppressed, entries } = await suppressionOf(to);
        expect(suppressed).toBe(expected.suppresses);
        if (!expected.suppresses) return;
        expect(entries).toMatchObject([{ reason: 'hard_bounce', message_id: idOf(to) }]);
        expect(entries[0]?.proof).toMatch(/^Subject: |\nSubject: /i);
      },
      120_000,
    );

    only(
      'warns of a delay first, which is a deferral and no more, and then gives up',
      async () => {
        const to = `${expiring}@${recipientDomain}`;
        const events = await bounced(to, host);
        const kinds = events.map(({ kind }) => kind);
        expect([kinds[0], kinds.at(-1)]).toEqual(['delivered', 'bounced']);
        // Exim warns again and again.
        expect(new Set(kinds.slice(1, -1))).toEqual(new Set(['deferred']));
        expect(events[1]?.details).toMatchObject({ source: 'dsn' });
        expect((await suppressionOf(to)).suppressed).toBe(false);
      },
      120_000,
    );

    only(
      'is told by signed webhooks, the failure and the warning before it',
      async () => {
        for (const [name, types] of [
          ['nobody', ['email.bounced']],
          [expiring, ['email.deferred', 'email.bounced']],
        ] as const) {
          const to = `${name}@${recipientDomain}`;
          const events = (await bounced(to, host)).filter(({ kind }) => kind !== 'delivered');
          const wanted = new Map(events.map(({ id, type }) => [id, type]));
          await until(`the webhooks about ${to}`, 30_000, async () =>
            [...wanted.keys()].every((id) => hooks.has(id)),
          );
          const came = [...hooks.values()].filter(({ data }) => data.message_id === idOf(to));
          expect(new Map(came.map(({ id, type }) => [id, type]))).toEqual(wanted);
          expect(new Set(came.map(({ type }) => type))).toEqual(new Set(types));
          for (const { data } of came) expect(data).toMatchObject({ to, source: 'dsn' });
        }
        expect(receiver.forged).toBe(0);
      },
      120_000,
    );

    only(
      'returns nothing of what it has delivered',
      async () => {
        const to = `user@${recipientDomain}`;
        await lab.mailbox('mx1').waitFor({ rcptTo: to });
        await bounced(`${expiring}@${recipientDomain}`, host);
        expect((await api.email(idOf(to))).status).toBe('delivered');
      },
      120_000,
    );

    only(
      'finds the return path of the customer by its CNAME',
      async () => {
        const events = await bounced(`nobody@${recipientDomain}`, host);
        expect(events.at(-1)?.kind).toBe('bounced');
        const log = await lab.mailLog(host);
        expect(log).toMatch(new RegExp(`b-[a-z2-7]{44}@${returnPathHost.replaceAll('.', '\\.')}`));
      },
      120_000,
    );
  });

  it('is no relay, and knows no address but its own', async () => {
    for (const [to, reply] of [
      ['user@example.net', '550 5.1.2 '],
      [`b-${'a'.repeat(44)}@bounces.pennypost.test`, '550 5.1.1 '],
      ['x@bounces.pennypost.test', '550 5.1.1 '],
    ] as const) {
      const result = await swaks(lab, {
        host: 'mx1',
        server: lab.hosts.sender.ipv4 ?? '',
        from: 'a@b.test',
        to,
      });
      expect(result.reply, result.transcript).toContain(reply);
    }
  });

  it('takes a complaint over TLS at the feedback mailbox, by our Message-ID, and suppresses nobody', async () => {
    const to = 'user@postfixbounce.test';
    await lab.mailbox('mx1').waitFor({ rcptTo: to });
    const result = await swaks(lab, {
      host: 'mx1',
      server: lab.hosts.sender.ipv4 ?? '',
      tls: true,
      from: 'feedback@isp.test',
      to: 'fbl@bounces.pennypost.test',
      data: complaintAbout(idOf(to), to),
    });
    expect(result.ok, result.transcript).toBe(true);
    await api.event(idOf(to), 'complained');
    expect((await suppressionOf(to)).entries).not.toContainEqual(
      expect.objectContaining({ reason: 'complaint' }),
    );
  });

  it('has counted what it took', async () => {
    const counters = z.object({ data: z.array(z.object({ name: z.string(), count: z.number() })) });
    const operator = new Api(api.url, product.facts.operatorToken);
    await until('the counters', 10_000, async () => {
      const { data } = counters.parse((await operator.call('GET', '/admin/v1/counters')).answer);
      return data.some(({ name, count }) => name === 'token_forged' && count > 0);
    });
  });
});

function complaintAbout(messageId: string, recipient: string): string {
  return [
    'From: feedback@isp.test',
    'Subject: Complaint',
    `Message-ID: <complaint-${messageId}@isp.test>`,
    'MIME-Version: 1.0',
    'Content-Type: multipart/report; report-type=feedback-report; boundary="b"',
    '',
    '--b',
    'Content-Type: text/plain',
    '',
    'Unwanted.',
    '--b',
    'Content-Type: message/feedback-report',
    '',
    'Feedback-Type: abuse',
    'User-Agent: Lab/1.0',
    'Version: 1',
    `Original-Rcpt-To: <${recipient}>`,
    '',
    '--b',
    'Content-Type: message/rfc822',
    '',
    `Message-ID: <${messageId}@${domain}>`,
    'Subject: Good day',
    '',
    'Good day',
    '--b--',
    '',
  ].join('\r\n');
}
