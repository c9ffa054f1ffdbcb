/**
 * Mail that is received in the mail lab: Postfix and Exim find a customer's domain by its MX and bring mail to the node,
 * which judges it by the lab's DNS; it comes out at a signed webhook.
 */
import { createHash } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import { whyNoExim } from '../lab/exim.ts';
import type { Forward } from '../lab/forward.ts';
import { describeInLab } from '../lab/suite.ts';
import { swaks } from '../lab/swaks.ts';
import { until } from '../lab/until.ts';
import { Api } from '../support/api.ts';
import { Standalone, standaloneArguments } from '../support/standalone.ts';
import { WebhookReceiver } from '../support/webhook-receiver.ts';

const domain = 'receives.test';
const strict = 'strict.test';

const made = z.object({
  id: z.number(),
  status: z.string(),
  records: z.array(
    z.object({ kind: z.string(), type: z.enum(['TXT', 'MX']), name: z.string(), value: z.string() }),
  ),
});
const routes = z.object({ data: z.array(z.object({ id: z.number() })) });
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
    const conf = join(lab.handle.dir, 'relay', 'conf');
    await lab.run('relay', 'postconf', ['-c', conf, '-e', `relay_domains=${domain}`, 'relay_transport=smtp']);
    await lab.run('relay', 'postfix', ['-c', conf, 'reload']);
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

  /** Gives a mail to Postfix, which finds its way on by DNS. */
  async function byPostfix(from: string, to: string, raw: string): Promise<void> {
    const data = raw.replaceAll('\n', '\r\n');
    const put = await swaks(lab, { host: 'mx1', server: lab.hosts.relay.fqdn, from, to, data });
    expect(put.reply).toMatch(/^250 2\.0\.0 Ok: queued/);
  }

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
    ).catch(async (cause: unknown) => {
      throw new Error(`${cause}\n${(await lab.mailLog('relay')).split('\n').slice(-30).join('\n')}`);
    });

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
  });

  it('by Postfix: over TLS, in UTF-8, with SPF and DMARC judged by the DNS', async () => {
    await lab.dns.add('example.net', [{ name: '_dmarc', type: 'TXT', value: 'v=DMARC1; p=quarantine' }]);
    await byPostfix('ann@example.net', `info@${domain}`, letter('By Postfix', 'ann@example.net', 'Grüße'));
    const hook = await told('By Postfix');
    expect(hook).toMatchObject({
      text: expect.stringMatching(/^Grüße\s*$/),
      spf: 'pass',
      dkim: 'none',
      dmarc: 'pass',
      envelope: {
        from: 'ann@example.net',
        to: [`info@${domain}`],
        helo: 'relay.lab.test',
        tls: true,
      },
    });
    expect([lab.hosts.relay.ipv4, lab.hosts.relay.ipv6]).toContain(hook.envelope.remote_ip);
    const { answer } = await api.call('GET', `/v1/inbound-emails/${hook.email_id}`);
    expect(answer).toMatchObject({ email: { reverse_dns: { name: 'relay.lab.test', verified: true } } });
  });

  const only = whyNoExim ? it.skip : it;
  only('by Exim', async () => {
    const exim = '/opt/pennypost-lab/exim/usr/sbin/exim4';
    const conf = join(lab.handle.dir, 'exim', 'exim.conf');
    await lab.run('exim', exim, ['-C', conf, '-f', 'ann@example.net', `info@${domain}`], {
      input: letter('By Exim'),
    });
    expect(await told('By Exim')).toMatchObject({ spf: 'pass', envelope: { helo: 'exim.lab.test' } });
  });

  it('of 24 MiB, byte for byte', async () => {
    const line = `${'0123456789abcdef'.repeat(4)}\n`;
    const raw = letter(
      'Large',
      'ann@example.net',
      line.repeat(Math.floor((24 * 1024 * 1024) / (line.length + 1))),
    );
    await byPostfix('ann@example.net', `info@${domain}`, raw);
    const { email_id: id } = await told('Large');
    const response = await fetch(`${api.url}/v1/inbound-emails/${id}/raw`, {
      headers: { Authorization: `Bearer ${product.facts.liveKey}` },
    });
    const came = Buffer.from(await response.arrayBuffer()).toString('latin1');
    const body = (text: string) =>
      text
        .slice(text.search(/\r?\n\r?\n/))
        .replaceAll('\r\n', '\n')
        .trim();
    const hash = (text: string) => createHash('sha256').update(text).digest('hex');
    expect(hash(body(came))).toBe(hash(body(raw)));
  });

  it('for those of fifty recipients that there are; the sender hears of the others', async () => {
    const list = routes.parse((await api.call('GET', `/v1/domains/${domain}/routes`)).answer);
    await api.call('POST', `/v1/domains/${domain}/routes`, {
      pattern: 'gone*',
      action: 'refuse',
      text: 'Gone away',
    });
    expect(list.data).toHaveLength(1);
    const to = Array.from({ length: 50 }, (_, i) => `${i % 5 === 0 ? 'gone' : 'user'}${i}@${domain}`);
    const { transcript } = await swaks(lab, {
      host: 'mx1',
      server: 'mx.pennypost.test',
      from: 'ann@example.net',
      to: to.join(','),
      data: letter('To fifty').replaceAll('\n', '\r\n'),
    });
    expect(transcript.match(/550 5\.7\.1 Gone away/g)).toHaveLength(10);
    const hook = await told('To fifty');
    expect(hook.envelope.to).toEqual(to.filter((address) => address.startsWith('user')));
  });

  it('not when it goes in circles', async () => {
    const looped = 'Received: from a.example by b.example; Thu, 26 Nov 2026 12:00:00 +0000\r\n'.repeat(51);
    const { reply } = await swaks(lab, {
      host: 'mx1',
      server: 'mx.pennypost.test',
      from: 'ann@example.net',
      to: `info@${domain}`,
      data: looped + letter('Looped').replaceAll('\n', '\r\n'),
    });
    expect(reply).toMatch(/^554 5\.4\.6 Loop/);
  });

  it('not when it fails DMARC, its domain asks for p=reject, and the receiving domain heeds that', async () => {
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
  });

  it('once and not lost when the edge stands still meanwhile', async () => {
    const workerds = z.array(z.object({ pid: z.number() }));
    const note = await readFile(join(dataDir, 'edge', 'workerd.json'), 'utf8');
    const pids = workerds.parse(JSON.parse(note)).map(({ pid }) => pid);
    expect(pids.length).toBeGreaterThan(0);
    const stand = await swaks(lab, {
      host: 'mx1',
      server: 'mx.pennypost.test',
      from: 'ann@example.net',
      to: `still@${domain}`,
      subject: 'Before',
      args: ['--quit-after', 'RCPT'],
    });
    expect(stand.ok).toBe(true);
    for (const pid of pids) process.kill(pid, 'SIGSTOP');
    try {
      const put = await swaks(lab, {
        host: 'mx1',
        server: 'mx.pennypost.test',
        from: 'ann@example.net',
        to: `other@${domain}`,
        subject: 'Refused',
      });
      expect(put.reply).toMatch(/^451 4\.3\.0 /);
      await byPostfix('ann@example.net', `info@${domain}`, letter('While it stood still'));
      await until('Postfix to have tried', 60_000, async () =>
        /status=(deferred|sent).*(451 4\.3\.0|Taken as)/.test((await lab.mailLog('relay')).slice(-4000)),
      );
    } finally {
      for (const pid of pids) process.kill(pid, 'SIGCONT');
    }
    await told('While it stood still');
    await until('Postfix to be done', 60_000, async () => {
      const { stdout } = await lab.run(
        'relay',
        'postqueue',
        ['-c', join(lab.handle.dir, 'relay', 'conf'), '-p'],
        {
          mayFail: true,
        },
      );
      return /queue is empty/.test(stdout);
    });
    const ids = new Set(
      hooks.filter(({ subject }) => subject === 'While it stood still').map((hook) => hook.email_id),
    );
    expect(ids.size).toBe(1);
  }, 150_000);
});
