/**
 * The whole product in the mail lab: what is accepted by API and by SMTP goes over real DNS to real mail servers.
 * Everything is sent at the start; each test then looks at what became of its message.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EventKind } from '#domain/delivery/event.ts';
import type { Forward } from '../lab/forward.ts';
import type { HostName } from '../lab/hosts.ts';
import type { ReceivedMail } from '../lab/received-mail.ts';
import { describeInLab } from '../lab/suite.ts';
import { swaks } from '../lab/swaks.ts';
import { Api, type AttemptDetails, attemptOf, type DomainFacts, Operator } from '../support/api.ts';
import { Standalone, standaloneArguments } from '../support/standalone.ts';

const domain = 'customer.test';
const returnPathHost = `pp-bounces.${domain}`;
const from = `Shop <shop@${domain}>`;
/** The first retry comes after a minute, give or take six seconds. */
const retryMs = 90_000;

/** Messages by API: a name, which is the subject, and the recipient. */
const letters = {
  api: 'user-api@example.net',
  unknown: 'nobody@example.net',
  full: 'full@example.net',
  policy: 'policy@example.net',
  content: 'content@example.net',
  tmp: 'tmp@example.net',
  busy: 'busy@example.net',
  grey: 'user-grey@grey.test',
  fallback: 'user@fallback.test',
  blackhole: 'user@blackhole.test',
  dangling: 'user@danglingmx.test',
  alldown: 'user@alldown.test',
  nullmx: 'user@nullmx.test',
  nxdomain: 'user@no-such-domain.test',
  nothing: 'user@nothing.test',
  servfail: 'user@servfail.test',
  implicit: 'user@nomx.test',
  v6only: 'user@v6only.test',
  expired: 'user@tlsexpired.test',
  broken: 'user@tlsbroken.test',
  'utf8 for plain': 'user-grün@plain.test',
  'utf8 for mx1': 'user-grün@example.net',
  unicode: 'user@bücher.test',
};

/** One message, so that all are due at the same moment. */
const patient = ['user-1', 'user-2', 'user-3', 'user-4'].map((name) => `${name}@limited.test`);

describeInLab('the product among real mail servers', (lab) => {
  let product: Standalone;
  let api: Api;
  let keys: DomainFacts;
  let way: Forward;
  const ids = new Map<string, string>();

  beforeAll(async () => {
    const dataDir = join(lab.handle.dir, 'product');
    await mkdir(dataDir);
    const child = lab.spawn('sender', process.execPath, standaloneArguments(dataDir, ['--deliver']), {
      detached: true,
      env: {
        ...process.env,
        PENNYPOST_HOST_NAME: lab.hosts.sender.fqdn,
        // the lab's IPv6 addresses are local ones
        PENNYPOST_ALLOW_LOCAL_MX: 'true',
        NODE_EXTRA_CA_CERTS: lab.caFile,
      },
    });
    product = await Standalone.of(child, dataDir);
    const { facts } = product;
    way = await lab.forward('sender', Number(new URL(facts.apiUrl).port));
    api = new Api(`http://127.0.0.1:${way.port}`, facts.liveKey);
    keys = await new Operator(api.url, facts.operatorToken).createDomain(1, {
      domain,
      verified: true,
      return_path_host: returnPathHost,
    });
    await publish();
    for (const [name, to] of Object.entries(letters)) {
      ids.set(name, await api.send({ from, to, subject: name, text_body: 'Good day' }));
    }
    ids.set(
      '8 bit',
      await api.sendRaw(eightBitMail('8 bit'), { mailFrom: from, rcptTo: ['user-8@plain.test'] }),
    );
    const large = 'x'.repeat(1_100_000).replace(/(.{70})/g, '$1\r\n');
    ids.set('large', await api.send({ from, to: 'user@plain.test', subject: 'large', text_body: large }));
    ids.set('limited', await api.send({ from, to: patient, subject: 'limited', text_body: 'Good day' }));
    ids.set('smtp', await submit('smtp', 'user-smtp@example.net'));
    ids.set('rough', await submit('rough', 'user-rough@example.net', roughMail('rough')));
    await api.event(idOf('tmp'), 'deferred');
    ids.set('421', await api.send({ from, to: 'close@example.net', subject: '421', text_body: 'Good day' }));
  }, 180_000);

  afterAll(async () => {
    await way?.close();
    expect(await product?.terminate()).toBe(0);
  }, 60_000);

  /** What the customer and the operator put into their zones. */
  async function publish(): Promise<void> {
    const { sender } = lab.hosts;
    await lab.dns.put('pennypost.test', [
      { name: 'bounces', type: 'MX', value: `10 ${sender.fqdn}.` },
      { name: 'bounces', type: 'TXT', value: 'v=spf1 include:_spf.pennypost.test -all' },
      { name: '_spf', type: 'TXT', value: `v=spf1 ip4:${sender.ipv4} ip6:${sender.ipv6} -all` },
    ]);
    await lab.dns.set(domain, [
      { name: '_dmarc', type: 'TXT', value: 'v=DMARC1; p=reject; adkim=s; aspf=r' },
      { name: 'pp-bounces', type: 'CNAME', value: 'bounces.pennypost.test.' },
      ...keys.dkim.map(({ record }) => ({
        name: record.name.slice(0, -domain.length - 1),
        type: 'TXT' as const,
        value: record.value,
      })),
    ]);
  }

  async function submit(subject: string, to: string, data?: string): Promise<string> {
    const { facts } = product;
    const result = await swaks(lab, {
      server: facts.smtp.host,
      port: facts.smtp.port,
      tls: true,
      from: `shop@${domain}`,
      to,
      ...(data === undefined ? { subject } : { data }),
      args: [
        '--no-strip-from',
        '--auth',
        'PLAIN',
        '--auth-user',
        'pennypost',
        '--auth-password',
        facts.liveKey,
      ],
    });
    expect(result.ok, result.transcript).toBe(true);
    return /Queued as: (\S+)/.exec(result.reply)?.[1] ?? '';
  }

  function idOf(name: string): string {
    const id = ids.get(name);
    if (id === undefined) throw new Error(`nothing was sent as ${name}`);
    return id;
  }

  /** The details of an event of a message, once it is there. */
  const told = async (name: string, kind: EventKind, timeoutMs = 60_000): Promise<AttemptDetails> =>
    attemptOf(await api.event(idOf(name), kind, timeoutMs));

  /** What a server has of a message; without a word of an event. */
  const arrived = (name: string, host: HostName): Promise<ReceivedMail> =>
    lab.mailbox(host).waitFor({ subject: name });

  const kinds = async (name: string) => (await api.events(idOf(name))).map(({ kind }) => kind);
  const stepsOf = ({ steps }: AttemptDetails) => steps.map(({ name }) => name);

  describe.each(['api', 'smtp', 'rough'])('a message by %s', (name) => {
    it('is delivered over TLS, as the server itself tells it', async () => {
      const { mx, tls, reply, dkim, steps } = await told(name, 'delivered');
      const mail = await arrived(name, 'mx1');
      expect(mx).toEqual({ host: 'mx1.lab.test', address: lab.hosts.mx1.ipv4 });
      expect(tls).toMatchObject({ verdict: 'verified' });
      const words = `${tls?.version} with cipher ${tls?.cipher} `;
      expect(mail.headers.find((header) => header.name === 'received')?.value).toContain(`(using ${words}`);
      expect(await lab.mailLog('mx1')).toContain(
        `TLS connection established from out.pennypost.test[${mail.client.ip}]: ${words}`,
      );
      expect(mail.client).toMatchObject({ helo: 'out.pennypost.test', tls: true });
      const queueId = /queued as (\w+)/.exec(reply?.text ?? '')?.[1];
      expect(reply).toMatchObject({ code: 250, status: '2.0.0' });
      expect(await lab.mailLog('mx1')).toContain(`${queueId}: message-id=${mail.messageId}`);
      expect(dkim?.toSorted()).toEqual(keys.dkim.map(({ selector }) => selector).sort());
      expect(steps.length).toBeGreaterThanOrEqual(5);
      expect(await kinds(name)).toEqual(['accepted', 'dispatched', 'delivered']);
    });

    it('satisfies verifiers that share no code with us: both signatures, SPF, alignment', async () => {
      const mail = await arrived(name, 'mx1');
      expect(mail.mailFrom).toMatch(new RegExp(`^b-[a-z2-7]{44}@${returnPathHost.replaceAll('.', '\\.')}$`));
      const verdict = await lab.verifiers.verify(mail);
      const both = keys.dkim.map(({ selector, algorithm }) => ({ domain, selector, algorithm, pass: true }));
      for (const results of [verdict.dkimpy, verdict.opendkim]) {
        expect(results).toHaveLength(2);
        expect(results).toEqual(expect.arrayContaining(both.map((one) => expect.objectContaining(one))));
      }
      expect(verdict.spf).toMatchObject({ result: 'pass' });
      expect(verdict).toMatchObject({ spfAligned: true, dkimAligned: true });
    });
  });

  it('a message in obsolete syntax arrives written clean, with our trace field', async () => {
    const { raw } = await arrived('rough', 'mx1');
    const text = raw.toString('latin1').replaceAll('\r\n', '\n');
    expect(text).toContain(`\nFrom: Shop <shop@${domain}>\nSubject: rough\n`);
    expect(text).toContain('\nX-Mailbox-Line: From root Wed Nov 25 10:00:00 2026\n');
    expect(text).toMatch(/\nReceived: by \S+ with ESMTPSA\n id [0-9a-f-]{36}; /);
    expect(text).toMatch(/\nFeedback-ID: \d+:standard::pennypost\nCFBL-Address: fbl@pp-bounces/);
    expect(text).not.toMatch(/^(Resent-Bcc|Message-ID:$)/m);
  });

  describe('a refused recipient', () => {
    it.each([
      ['unknown', 550, '5.1.1', 'bad_mailbox', 'rcpt'],
      ['full', 552, '5.2.2', 'mailbox_full', 'rcpt'],
      ['policy', 550, '5.7.1', 'policy', 'rcpt'],
      ['content', 554, '5.7.1', 'spam', 'final'],
    ])('%s bounces with %i %s: %s', async (name, code, status, failureClass, step) => {
      const details = await told(name, 'bounced');
      expect(details).toMatchObject({ status, class: failureClass, step, source: 'smtp', attempt: 1 });
      expect(details.reply).toMatchObject({ code, status });
      expect(details.diagnostic).toContain(`mx1.lab.test refused`);
      expect(details.mx?.host).toBe('mx1.lab.test');
      expect(await api.email(idOf(name))).toMatchObject({ status: 'bounced' });
    });

    it.each([
      ['tmp', 450, '4.2.1', 'rcpt'],
      ['busy', 451, '4.3.0', 'final'],
      ['421', 421, '4.7.0', 'rcpt'],
    ])('%s is deferred with %i %s, for a minute at first', async (name, code, status, step) => {
      const event = await api.event(idOf(name), 'deferred');
      const details = attemptOf(event);
      expect(details).toMatchObject({ status, step, attempt: 1, maybeAccepted: false });
      expect(details.reply).toMatchObject({ code, status });
      const delaySeconds = (Date.parse(details.nextAttemptAt ?? '') - Date.parse(event.at)) / 1000;
      expect(delaySeconds).toBeGreaterThan(50);
      expect(delaySeconds).toBeLessThan(75);
    });

    it('leaves the way free for the next message after a 421', async () => {
      await told('421', 'deferred');
      const id = await submit('after 421', 'user-after@example.net');
      await api.event(id, 'delivered');
      await arrived('after 421', 'mx1');
    });
  });

  describe('a domain', () => {
    it.each([
      ['nullmx', '5.1.10'],
      ['nxdomain', '5.1.2'],
      ['nothing', '5.4.4'],
    ])('that takes no mail (%s) bounces with %s and no invented reply', async (name, status) => {
      const details = await told(name, 'bounced');
      expect(details).toMatchObject({ status, class: 'bad_domain', reply: null, mx: null, step: 'dns' });
    });

    it('whose DNS does not answer is tried again', async () => {
      const details = await told('servfail', 'deferred');
      expect(details).toMatchObject({ class: 'network', reply: null, step: 'dns' });
    });

    it('whose first MX refuses connections is served by the second', async () => {
      const { mx, tried } = await told('fallback', 'delivered');
      expect(mx?.host).toBe('mx1.lab.test');
      expect(tried?.map(({ host }) => host)).toEqual(['down.lab.test', 'down.lab.test']);
      expect(tried?.[0]?.error).toContain('Connection refused');
      await arrived('fallback', 'mx1');
    });

    it('whose first MX has no address is served by the second', async () => {
      expect((await told('dangling', 'delivered')).mx?.host).toBe('mx1.lab.test');
    });

    it('whose MX are all down is tried again', async () => {
      const details = await told('alldown', 'deferred');
      expect(details).toMatchObject({ class: 'network', reply: null, mx: null, error: 'ECONNREFUSED' });
    });

    it('without MX is served at its address', async () => {
      const { mx } = await told('implicit', 'delivered');
      expect(mx).toEqual({ host: 'nomx.test', address: lab.hosts.mx1.ipv4 });
      await arrived('implicit', 'mx1');
    });

    it('with IPv6 alone is served by IPv6', async () => {
      expect((await told('v6only', 'delivered')).mx).toEqual({
        host: 'mx6.lab.test',
        address: lab.hosts.mx6.ipv6,
      });
      expect((await arrived('v6only', 'mx6')).client.ip).toBe(lab.hosts.sender.ipv6);
    });

    it('of letters beyond ASCII is served by its A-labels', async () => {
      await told('unicode', 'delivered');
      expect((await arrived('unicode', 'mx1')).rcptTo).toBe('user@xn--bcher-kva.test');
    });
  });

  describe('a server', () => {
    it('with an expired, self-signed certificate gets the mail encrypted; the event tells why it is unverified', async () => {
      const { tls } = await told('expired', 'delivered');
      expect(tls).toMatchObject({ verdict: 'unverified' });
      expect(tls?.reason).toMatch(/SELF_SIGNED|EXPIRED/);
      expect((await arrived('expired', 'expired')).client.tls).toBe(true);
    });

    it('with a broken STARTTLS gets the mail without, when it is still broken at the retry', async () => {
      expect(await told('broken', 'deferred')).toMatchObject({ step: 'tls', attempt: 1 });
      const { tls, tried } = await told('broken', 'delivered', retryMs);
      expect(tls).toBeNull();
      expect(tried?.[0]?.error).toContain('tried again without TLS');
      expect((await arrived('broken', 'broken')).client.tls).toBe(false);
    });

    it('without STARTTLS and 8BITMIME gets eight-bit mail unharmed', async () => {
      expect((await told('8 bit', 'delivered')).tls).toBeNull();
      const mail = await arrived('8 bit', 'plain');
      expect(mail.raw.includes(Buffer.from('Grüße'))).toBe(true);
      const verdict = await lab.verifiers.verify(mail);
      expect([...verdict.dkimpy, ...verdict.opendkim].map(({ pass }) => pass)).toEqual([
        true,
        true,
        true,
        true,
      ]);
    });

    it('without SMTPUTF8 gets no mail that needs it: it bounces with 5.6.7 before MAIL, at the retry', async () => {
      expect(await told('utf8 for plain', 'deferred')).toMatchObject({ status: '4.6.7', reply: null });
      const details = await told('utf8 for plain', 'bounced', retryMs);
      expect(details).toMatchObject({ status: '5.6.7', reply: null, mx: { host: 'plain.lab.test' } });
      expect(details.diagnostic).toContain('SMTPUTF8');
      expect(stepsOf(details)).not.toContain('mail');
    });

    it('with SMTPUTF8 gets it', async () => {
      await told('utf8 for mx1', 'delivered');
      const mail = await arrived('utf8 for mx1', 'mx1');
      expect(mail.rcptTo).toBe('user-grün@example.net');
      const verdict = await lab.verifiers.verify(mail);
      expect([...verdict.dkimpy, ...verdict.opendkim].map(({ pass }) => pass)).toEqual([
        true,
        true,
        true,
        true,
      ]);
    });

    it('that says its SIZE gets nothing larger: it bounces before MAIL', async () => {
      const details = await told('large', 'bounced');
      expect(details).toMatchObject({ class: 'too_large', status: '5.3.4', reply: null });
      expect(stepsOf(details)).not.toContain('mail');
    });
  });

  describe('a server that wants patience', () => {
    it('and never answers is left for the next one', async () => {
      const { mx, tried } = await told('blackhole', 'delivered');
      expect(mx?.host).toBe('mx1.lab.test');
      expect(tried).toMatchObject([{ host: 'hole.blackhole.test', address: '198.18.0.99' }]);
    });

    it('and greylists gets the mail at the retry', async () => {
      const first = await told('grey', 'deferred');
      expect(first).toMatchObject({ class: 'greylisted', status: '4.2.0', attempt: 1 });
      expect(await told('grey', 'delivered', retryMs)).toMatchObject({ attempt: 2 });
      await arrived('grey', 'grey');
      expect(await kinds('grey')).toEqual(['accepted', 'dispatched', 'deferred', 'delivered']);
    });

    it('and takes one connection at a time gets all mail in the end, each once', async () => {
      const refused = await told('limited', 'deferred');
      expect(refused).toMatchObject({ class: 'rate_limited', step: 'greeting', reply: { code: 421 } });
      await api.event(idOf('limited'), 'delivered', retryMs, patient.length);
      const mails = await lab.mailbox('limited').list();
      expect(mails.map(({ rcptTo }) => rcptTo).sort()).toEqual(patient);
    });
  });

  it('has told all of it in the account’s cursor too, each event once', async () => {
    const timelines = await Promise.all([...ids.values()].map((id) => api.events(id)));
    const all = (await api.allEvents()).map(({ id }) => id);
    expect(new Set(all).size).toBe(all.length);
    expect(all).toEqual(expect.arrayContaining(timelines.flat().map(({ id }) => id)));
  });
});

/** As old programs write mail: RFC 5322 §4, a mailbox file's first line, fields without a value. */
function roughMail(subject: string): string {
  const lines = [
    'From root Wed Nov 25 10:00:00 2026',
    `From: Shop <@relay.customer.test:shop@${domain}>,`,
    `Subject : ${subject}`,
    'Message-ID:',
    'Resent-Bcc: hidden@example.net',
    'To: user-rough@example.net',
    '',
    'Good  day \t',
    '',
  ];
  return lines.join('\r\n');
}

function eightBitMail(subject: string): Buffer {
  const lines = [
    'Content-Type: text/plain; charset=utf-8',
    'Content-Transfer-Encoding: 8bit',
    '',
    'Grüße',
    '',
  ];
  return Buffer.from(
    [`From: ${from}`, 'To: user-8@plain.test', `Subject: ${subject}`, 'MIME-Version: 1.0', ...lines].join(
      '\r\n',
    ),
  );
}
