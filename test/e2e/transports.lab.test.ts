/**
 * The product in the mail lab where mail leaves by a relay: a Postfix that asks for a sign-in, others that refuse, and a network
 * that lets nothing out to port 25 until it does.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Forward } from '../lab/forward.ts';
import { quotaText, smarthostLogin, startSmarthost } from '../lab/smarthost.ts';
import { describeInLab } from '../lab/suite.ts';
import { until } from '../lab/until.ts';
import { Api, type AttemptDetails, attemptOf, type DomainFacts, Operator } from '../support/api.ts';
import { Standalone, standaloneArguments } from '../support/standalone.ts';

const domain = 'relays.test';
const returnPathHost = `pp-bounces.${domain}`;
const from = `Shop <shop@${domain}>`;

/** Our own port 25 on the way out, as networks close it. */
const closePort25 = (verdict: string) =>
  'add table inet lab\n' +
  'add chain inet lab out { type filter hook output priority 0; }\n' +
  `add rule inet lab out tcp dport 25 ${verdict}\n`;
const openPort25 = 'delete table inet lab\n';

describeInLab('transports among real mail servers', (lab) => {
  let product: Standalone;
  let api: Api;
  let keys: DomainFacts;
  let way: Forward;
  let sent = 0;

  const nft = (rules: string) => lab.run('sender', 'nft', ['-f', '-'], { input: rules });
  const send = (to: string, subject = to) => api.send({ from, to, subject, text_body: 'Good day\n' });
  const delivered = async (id: string): Promise<AttemptDetails> =>
    attemptOf(
      await api.event(id, 'delivered', 40_000).catch(async (cause: unknown) => {
        throw new Error(`${cause}\n${(await lab.mailLog('smarthost')).split('\n').slice(-30).join('\n')}`);
      }),
    );
  const passedOn = ({ passedOn: names = [] }: AttemptDetails) => names.map(({ transport }) => transport);

  beforeAll(async () => {
    const dataDir = join(lab.handle.dir, 'transports');
    await mkdir(dataDir);
    const options = ['--deliver', '--host', '0.0.0.0', '--return-path-port', '25'];
    const child = lab.spawn('sender', process.execPath, standaloneArguments(dataDir, options), {
      detached: true,
      env: {
        ...process.env,
        PENNYPOST_HOST_NAME: lab.hosts.sender.fqdn,
        PENNYPOST_ALLOW_LOCAL_MX: 'true',
        NODE_EXTRA_CA_CERTS: lab.caFile,
      },
    });
    [product] = await Promise.all([Standalone.of(child, dataDir), startSmarthost(lab)]);
    way = await lab.forward('sender', Number(new URL(product.facts.apiUrl).port));
    api = new Api(`http://127.0.0.1:${way.port}`, product.facts.liveKey);
    const { operatorToken } = product.facts;
    keys = await new Operator(api.url, operatorToken).createDomain(1, {
      domain,
      verified: true,
      return_path_host: returnPathHost,
    });
    await lab.dns.replace('pennypost.test', 'bounces', 'MX', [`10 ${lab.hosts.sender.fqdn}.`]);
    await lab.dns.set(domain, [
      { name: 'pp-bounces', type: 'CNAME', value: 'bounces.pennypost.test.' },
      ...keys.dkim.map(({ record }) => ({
        name: record.name.slice(0, -domain.length - 1),
        type: 'TXT' as const,
        value: record.value,
      })),
    ]);
    await route(new Api(api.url, operatorToken));
  }, 120_000);

  afterAll(async () => {
    await way?.close();
    expect(await product?.terminate()).toBe(0);
  }, 60_000);

  async function route(operator: Api): Promise<void> {
    const host = lab.hosts.smarthost.fqdn;
    const starttls = { host, tls: 'starttls', ...smarthostLogin };
    const relays = [
      { name: 'smarthost', host, port: 465, tls: 'implicit', ...smarthostLogin },
      { name: 'by-starttls', ...starttls, port: 587 },
      { name: 'locked', ...starttls, port: 587, secret: 'of yesterday' },
      { name: 'full', ...starttls, port: 588 },
      { name: 'gone', ...starttls, host: lab.hosts.down.fqdn, port: 587 },
      // Its certificate is for another name.
      { name: 'misnamed', ...starttls, host: lab.hosts.smarthost.ipv4, port: 587 },
    ];
    for (const relay of relays)
      expect(await operator.call('POST', '/admin/v1/transports', relay)).toMatchObject({ status: 201 });
    const rules = [
      { recipient: 'example.net', route: ['gone', 'misnamed', 'locked', 'full', 'smarthost'] },
      { recipient: 'nomx.test', route: ['by-starttls'] },
      { route: ['direct', 'smarthost'] },
    ];
    expect(await operator.call('PUT', '/admin/v1/transport-rules', { rules })).toMatchObject({ status: 200 });
  }

  it('passes over those that refuse us, and tells of each in which words', async () => {
    const details = await delivered(await send('user-chain@example.net'));
    expect(details).toMatchObject({
      transport: 'smarthost',
      mx: { host: lab.hosts.smarthost.fqdn },
      tls: { verdict: 'verified' },
      passedOn: [
        { transport: 'gone', error: expect.stringContaining('Connection refused') },
        { transport: 'misnamed', error: expect.stringContaining('not valid for it') },
        { transport: 'locked', error: expect.stringContaining('535 5.7.8') },
        { transport: 'full', error: expect.stringContaining(quotaText) },
      ],
    });
    expect(details.steps.map(({ name }) => name)).toContain('auth');
  });

  it('is handed on by the relay with both signatures whole, to verifiers of others', async () => {
    const mail = await lab.mailbox('mx1').waitFor({ rcptTo: 'user-chain@example.net' });
    const { ipv4, ipv6 } = lab.hosts.smarthost;
    expect([ipv4, ipv6]).toContain(mail.client.ip);
    expect(mail.mailFrom).toMatch(new RegExp(`^b-[a-z2-7]{44}@${returnPathHost.replaceAll('.', '\\.')}$`));
    const verdict = await lab.verifiers.verify(mail);
    const both = keys.dkim.map(({ selector }) => expect.objectContaining({ domain, selector, pass: true }));
    for (const results of [verdict.dkimpy, verdict.opendkim]) {
      expect(results).toHaveLength(2);
      expect(results).toEqual(expect.arrayContaining(both));
    }
    expect(await lab.mailbox('mx1').list({ rcptTo: 'user-chain@example.net' })).toHaveLength(1);
  });

  it('correlates a bounce that comes back through the relay', async () => {
    const id = await send('nobody@nomx.test');
    expect(await delivered(id)).toMatchObject({ transport: 'by-starttls', tls: { verdict: 'verified' } });
    const bounced = await api.event(id, 'bounced', 40_000);
    expect(bounced).toMatchObject({
      recipient: 'nobody@nomx.test',
      details: { source: 'dsn', status: '5.1.1', class: 'bad_mailbox', suppresses: true },
    });
    expect((await api.email(id)).status).toBe('bounced');
  });

  async function closedBy(verdict: string, to: string[], says: RegExp): Promise<void> {
    await nft(closePort25(verdict));
    const ids = await Promise.all(to.map((one) => send(one)));
    for (const details of await Promise.all(ids.map(delivered)))
      expect(details).toMatchObject({
        transport: 'smarthost',
        passedOn: [{ transport: 'direct', error: expect.stringMatching(says) }],
      });
  }

  async function openAgain(): Promise<void> {
    await nft(openPort25);
    const again = async () => {
      const details = await delivered(await send(`user-again${++sent}@plain.test`));
      return details.transport === undefined && details;
    };
    expect(await until('mail to go directly', 40_000, again, 1000)).toMatchObject({
      mx: { host: lab.hosts.plain.fqdn },
    });
  }

  it('goes by the relay while a network swallows what is sent to port 25, and directly again once it has opened', async () => {
    // One SYN and another: the kernel gives up after three seconds.
    await lab.run('sender', 'sysctl', ['-qw', 'net.ipv4.tcp_syn_retries=1']);
    const to = ['user-1@xn--bcher-kva.test', 'user-1@v6only.test', 'user-1@plain.test'];
    await closedBy('drop', to, /did not answer|ETIMEDOUT|timed? ?out/i);
    expect(await delivered(await send('user-1@limited.test'))).toMatchObject({
      transport: 'smarthost',
      passedOn: [
        { transport: 'direct', error: expect.stringContaining('port 25 of this node seems to be closed') },
      ],
    });
    await openAgain();
  });

  it('goes by the relay where a network refuses, and says why', async () => {
    // To hosts to which no connection is kept.
    const to = ['user-2@xn--bcher-kva.test', 'user-2@v6only.test', 'user-2@limited.test'];
    const says = /no connection to .*: (Permission denied|.*EHOSTUNREACH|Host unreachable)/;
    await closedBy('reject with icmpx admin-prohibited', to, says);
    expect(await delivered(await send('user-2@plain.test'))).toMatchObject({ transport: 'smarthost' });
    await lab.mailbox('plain').waitFor({ rcptTo: 'user-2@plain.test' });
    await lab.mailbox('mx6').waitFor({ rcptTo: 'user-2@v6only.test' });
  });

  it('goes directly again, also to those that were silent, and nothing went twice', async () => {
    await openAgain();
    const after = await Promise.all([
      delivered(await send('user-3@xn--bcher-kva.test')),
      delivered(await send('user-3@v6only.test')),
    ]);
    expect(after.map(({ mx }) => mx?.host)).toEqual([lab.hosts.mx1.fqdn, lab.hosts.mx6.fqdn]);
    expect(after.flatMap(passedOn)).toEqual([]);
    for (const host of ['mx1', 'mx6', 'plain', 'limited'] as const) {
      const own = (await lab.mailbox(host).list()).filter(({ mailFrom }) =>
        mailFrom.endsWith(returnPathHost),
      );
      expect(new Set(own.map(({ rcptTo }) => rcptTo)).size).toBe(own.length);
    }
  });
});
