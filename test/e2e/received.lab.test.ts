/**
 * Mail that is received in the mail lab: Postfix and Exim find a customer's domain by its MX and bring mail to the node,
 * which judges it by the lab's DNS; it comes out at a signed webhook, and what is refused comes back to its sender by
 * them.
 */
import { createHash } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { Forward } from '../lab/forward.ts';
import { relayFor, senders } from '../lab/senders.ts';
import { describeInLab } from '../lab/suite.ts';
import { swaks } from '../lab/swaks.ts';
import { until } from '../lab/until.ts';
import { Api, Operator } from '../support/api.ts';
import { Standalone, standaloneArguments } from '../support/standalone.ts';
import { WebhookReceiver } from '../support/webhook-receiver.ts';

const domain = 'receives.test';
/** Has one address, and no catch-all. */
const few = 'few.test';
const strict = 'strict.test';
/** Takes what receivers refuse with a notification to it. */
const home = 'example.net';

const made = z.object({
  id: z.uuid(),
  status: z.string(),
  records: z.array(
    z.object({ kind: z.string(), type: z.enum(['TXT', 'MX']), name: z.string(), value: z.string() }),
  ),
});
const routes = z.object({ data: z.array(z.object({ id: z.number(), pattern: z.string() })) });
const endpoint = z.object({ id: z.string(), secret: z.string() });
/** A webhook that tells of received mail. */
const webhook = z.object({
  type: z.literal('email.received'),
  data: z.looseObject({
    email_id: z.string(),
    subject: z.string(),
    text: z.string(),
    spf: z.string(),
    dkim: z.string(),
    dmarc: z.string(),
    envelope: z.looseObject({
      from: z.string(),
      to: z.array(z.string()),
      remote_ip: z.string(),
      tls: z.boolean(),
    }),
  }),
});
type Hook = z.output<typeof webhook>['data'];

describeInLab('mail that is received among real mail servers', (lab) => {
  let product: Standalone;
  let dataDir: string;
  let api: Api;
  let way: Forward;
  let wayBack: Forward;
  let receiver: WebhookReceiver;
  const hooks: Hook[] = [];

  beforeAll(async () => {
    dataDir = join(lab.handle.dir, 'received');
    await mkdir(dataDir);
    const options = ['--deliver', '--host', '0.0.0.0', '--return-path-port', '25'];
    const child = lab.spawn('sender', process.execPath, standaloneArguments(dataDir, options), {
      detached: true,
      env: {
        ...process.env,
        PENNYPOST_HOST_NAME: lab.hosts.sender.fqdn,
        PENNYPOST_ALLOW_LOCAL_MX: 'true',
        PENNYPOST_EDGE_TIMEOUT_SECONDS: '5',
      },
    });
    product = await Standalone.of(child, dataDir);
    way = await lab.forward('sender', Number(new URL(product.facts.apiUrl).port));
    api = new Api(`http://127.0.0.1:${way.port}`, product.facts.liveKey);
    receiver = await WebhookReceiver.start(() => 200);
    receiver.onTaken = (_, body) => {
      hooks.push(webhook.parse(body).data);
    };
    wayBack = await lab.reverse('sender', Number(new URL(receiver.url).port));
    const url = `http://127.0.0.1:${wayBack.port}/hook`;
    const hook = await api.call('POST', '/v1/webhooks', { url, events: ['email.received'] });
    receiver.secret = endpoint.parse(hook.answer).secret;
    await lab.dns.add('pennypost.test', [{ name: 'mx', type: 'A', value: lab.hosts.sender.ipv4 ?? '' }]);
    await relayFor(lab, [domain, few]);
    const spf = 'v=spf1 a:relay.lab.test a:exim.lab.test -all';
    await lab.dns.add('example.net', [{ name: '@', type: 'TXT', value: spf }]);
    await lab.dns.set(strict, [{ name: '_dmarc', type: 'TXT', value: 'v=DMARC1; p=reject' }]);
  }, 180_000);

  afterAll(async () => {
    await way?.close();
    expect(await product?.terminate()).toBe(0);
    await wayBack?.close();
    await receiver?.stop();
  }, 60_000);

  const letter = (subject: string, from = 'ann@example.net', body = 'Good day') =>
    [
      `From: Ann <${from}>`,
      `To: info@${domain}`,
      `Subject: ${subject}`,
      `Message-ID: <${subject.replace(/\W/g, '.')}@example.net>`,
      'Date: Thu, 26 Nov 2026 12:00:00 +0000',
      'MIME-Version: 1.0',
      'Content-Type: text/plain; charset=utf-8',
      'Content-Transfer-Encoding: 8bit',
      '',
      body,
      '',
    ].join('\n');

  const told = (subject: string) =>
    until(`a webhook that tells of ${subject}`, 60_000, async () =>
      hooks.find((hook) => hook.subject === subject),
    );

  /** Stops the edge while something is done. */
  async function whileEdgeStands(work: () => Promise<void>): Promise<void> {
    const workerds = z.array(z.object({ pid: z.number() })).min(1);
    const note = await readFile(join(dataDir, 'edge', 'workerd.json'), 'utf8');
    const pids = workerds.parse(JSON.parse(note)).map(({ pid }) => pid);
    for (const pid of pids) process.kill(pid, 'SIGSTOP');
    try {
      await work();
    } finally {
      for (const pid of pids) process.kill(pid, 'SIGCONT');
    }
  }

  it('comes to a domain whose MX and ownership are found in DNS', async () => {
    const { answer } = await api.call('POST', '/v1/domains', { domain, type: 'inbound' });
    const { records } = made.parse(answer);
    const refused = await swaks(lab, {
      host: 'mx1',
      server: 'mx.pennypost.test',
      from: 'a@example.net',
      to: `early@${domain}`,
    });
    expect(refused.reply).toMatch(/^550 5\.1\.2 /);
    await lab.dns.set(
      domain,
      records
        .filter(({ kind }) => kind === 'ownership' || kind === 'mx')
        .map(({ type, name, value }) => ({
          name: name === domain ? '@' : name.slice(0, -domain.length - 1),
          type,
          value: type === 'MX' ? `${value}.` : value,
        })),
    );
    const verified = await api.call('POST', `/v1/domains/${domain}/verify`);
    expect(made.parse(verified.answer).status).toBe('verified');
    const operator = new Operator(api.url, product.facts.operatorToken);
    await operator.createDomain(1, { domain: few, type: 'inbound', verified: true });
    await lab.dns.set(few, [{ name: '@', type: 'MX', value: '10 mx.pennypost.test.' }]);
    for (const [at, body] of [
      [few, { pattern: 'info', action: 'webhook' }],
      [domain, { pattern: 'gone*', action: 'refuse', text: 'Gone away' }],
    ] as const)
      expect((await api.call('POST', `/v1/domains/${at}/routes`, body)).status).toBe(201);
    const { data } = routes.parse((await api.call('GET', `/v1/domains/${few}/routes`)).answer);
    const catchAll = data.find(({ pattern }) => pattern === '*');
    expect((await api.call('DELETE', `/v1/domains/${few}/routes/${catchAll?.id}`)).status).toBe(204);
  });

  describe.each(senders)('by $name', (sender) => {
    const one = sender.leftOut ? it.skip : it;
    const { host, name } = sender;
    const put = (raw: string, to = [`info@${domain}`], from = `ann@${home}`) =>
      sender.put(lab, { from, to, raw });
    const toldOf = (subject: string) =>
      told(subject).catch(async (cause: unknown) => {
        throw new Error(`${cause}\n${(await lab.mailLog(host)).split('\n').slice(-30).join('\n')}`);
      });

    one('over TLS, with eight bits, SPF and DMARC judged by the DNS', async () => {
      await lab.dns.put(home, [{ name: '_dmarc', type: 'TXT', value: 'v=DMARC1; p=quarantine' }]);
      await put(letter(`By ${name}`, `ann@${home}`, 'Grüße'));
      const hook = await toldOf(`By ${name}`);
      const { fqdn, ipv4, ipv6 } = lab.hosts[host];
      expect(hook).toMatchObject({
        text: expect.stringMatching(/^Grüße\s*$/),
        spf: 'pass',
        dkim: 'none',
        dmarc: 'pass',
        envelope: { from: `ann@${home}`, to: [`info@${domain}`], helo: fqdn, tls: true },
      });
      expect([ipv4, ipv6]).toContain(hook.envelope.remote_ip);
      const { answer } = await api.call('GET', `/v1/inbound-emails/${hook.email_id}`);
      expect(answer).toMatchObject({ email: { reverse_dns: { name: fqdn, verified: true } } });
      const raw = await rawOf(hook.email_id);
      expect(raw.toString('utf8')).toMatch(/\bwith ESMTPS id [\s\S]*\r\n\r\nGrüße\r\n/);
    });

    one('to and from addresses beyond ASCII, with SMTPUTF8', async () => {
      const [from, to] = [`jürgen@${home}`, `büro@${domain}`];
      const raw = letter(`Ünï by ${name}`, from).replace(`To: info@${domain}`, `To: ${to}`);
      await put(raw, [to], from);
      expect(await toldOf(`Ünï by ${name}`)).toMatchObject({
        spf: 'pass',
        envelope: { from, to: [to], tls: true },
      });
    });

    one('of 24 MiB, byte for byte', async () => {
      const line = `${'0123456789abcdef'.repeat(4)}\n`;
      const times = Math.floor((24 * 1024 * 1024) / (line.length + 1));
      const raw = letter(`Large by ${name}`, `ann@${home}`, line.repeat(times));
      await put(raw);
      const came = await rawOf((await toldOf(`Large by ${name}`)).email_id);
      expect(digestOf(came.toString('latin1'))).toBe(digestOf(raw));
    });

    one('for those of fifty recipients that there are; the sender hears of the others', async () => {
      const to = Array.from({ length: 50 }, (_, i) => `${i % 5 === 0 ? 'gone' : 'user'}${i}@${domain}`);
      const from = `user-fifty-${host}@${home}`;
      await put(letter(`To fifty by ${name}`, from), to, from);
      const taken = to.filter((address) => address.startsWith('user'));
      const hook = await toldOf(`To fifty by ${name}`);
      // Postfix brings them in an order of its own
      expect(hook.envelope.to.toSorted()).toEqual(taken.toSorted());
      const notice = await returned(from);
      expect(notice.match(/550[ -]5\.7\.1 Gone away/g)?.length).toBeGreaterThanOrEqual(10);
      for (const address of to)
        expect([address, notice.includes(address)]).toEqual([address, !taken.includes(address)]);
    });

    one('not to an address that no route takes: its sender hears 550 5.1.1', async () => {
      const from = `user-unknown-${host}@${home}`;
      await put(letter(`Unknown by ${name}`, from), [`nobody@${few}`], from);
      expect(await returned(from)).toMatch(/550[ -]5\.1\.1 There is no such address here/);
    });

    one('not when it goes in circles', async () => {
      const from = `user-looped-${host}@${home}`;
      const looped = 'Received: from a.example by b.example; Thu, 26 Nov 2026 12:00:00 +0000\n'.repeat(51);
      await put(looped + letter(`Looped by ${name}`, from), undefined, from);
      expect(await returned(from)).toMatch(/554[ -]5\.4\.6 Loop/);
    });

    one(
      'once and not lost when the edge stands still meanwhile',
      async () => {
        // what was said of an address before holds for half a minute: here nobody has asked yet
        const subject = `While it stood still, by ${name}`;
        await whileEdgeStands(async () => {
          await put(letter(subject), [`still-${host}@${domain}`]);
          await until(`${name} to be put off`, 60_000, async () =>
            /still-(?:.|\n)*451 4\.3\.0/.test((await lab.mailLog(host)).slice(-4000)),
          );
          expect(await sender.queue(lab)).toContain(`still-${host}@${domain}`);
        });
        await toldOf(subject);
        await until(`${name} to be done`, 60_000, async () => !(await sender.queue(lab)).includes('still-'));
        const ids = hooks.filter((hook) => hook.subject === subject).map((hook) => hook.email_id);
        expect(new Set(ids).size).toBe(1);
      },
      150_000,
    );
  });

  it('not while it fails DMARC, its domain asks for p=reject, and the receiving domain heeds that', async () => {
    const forged = () =>
      swaks(lab, {
        host: 'plain',
        server: 'mx.pennypost.test',
        from: `ceo@${strict}`,
        to: `info@${domain}`,
        data: letter('Forged', `ceo@${strict}`).replaceAll('\n', '\r\n'),
      });
    expect((await forged()).ok).toBe(true);
    expect(await told('Forged')).toMatchObject({ spf: 'none', dmarc: 'fail' });
    await api.call('PATCH', `/v1/domains/${domain}`, { refuse_dmarc: true });
    // What was said of an address before holds for half a minute.
    const refused = await until('the door to heed it', 60_000, async () => {
      const { ok, reply } = await forged();
      return ok ? undefined : reply;
    });
    expect(refused).toMatch(/^550 5\.7\.1 strict\.test asks .*DMARC/);
    // An address of the domain's own vouches for nobody: by mail servers it comes back with the same words.
    for (const { name, host, leftOut, put } of senders) {
      if (leftOut) continue;
      const from = `user-strict-${host}@${home}`;
      await put(lab, { from, to: [`info@${domain}`], raw: letter(`Forged by ${name}`, `ceo@${strict}`) });
      expect(await returned(from)).toMatch(/550[ -]5\.7\.1 strict\.test asks[\s\S]*DMARC/);
    }
  }, 150_000);

  /** The mail as it is kept. */
  async function rawOf(id: string): Promise<Buffer> {
    const response = await fetch(`${api.url}/v1/inbound-emails/${id}/raw`, {
      headers: { Authorization: `Bearer ${product.facts.liveKey}` },
    });
    return Buffer.from(await response.arrayBuffer());
  }

  /** The one notification that a sender got, unfolded. */
  async function returned(to: string): Promise<string> {
    const mailbox = lab.mailbox('mx1');
    const notice = await mailbox.waitFor({ rcptTo: to }, 60_000);
    expect(notice.mailFrom).toBe('');
    expect(await mailbox.list({ rcptTo: to })).toHaveLength(1);
    return notice.raw.toString('utf8').replace(/\n[ \t]+/g, ' ');
  }
});

/** Of the body, whatever its line ends are. */
function digestOf(mail: string): string {
  const lines = mail.replaceAll('\r\n', '\n');
  return createHash('sha256')
    .update(lines.slice(lines.indexOf('\n\n')).trim())
    .digest('hex');
}
