/**
 * Mail that aliases send on, in the mail lab: authors whose domains are strict, receivers that look at DKIM, SPF and ARC by
 * programs of others, failures that come back, and aliases that lead to each other.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import PostalMime from 'postal-mime';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import type { Forward } from '../lab/forward.ts';
import type { ReceivedMail } from '../lab/received-mail.ts';
import { describeInLab } from '../lab/suite.ts';
import { swaks } from '../lab/swaks.ts';
import { until } from '../lab/until.ts';
import { Api, Operator } from '../support/api.ts';
import { Standalone, standaloneArguments } from '../support/standalone.ts';

const aliasDomain = 'aliases.test';
/** Of an author whose mail is signed, and of one whose mail is not. */
const signing = 'demo.pennypost.test';
const unsigned = 'unsigned.test';

const made = z.object({ alias: z.object({ id: z.number(), address: z.string() }) });
const counters = z.object({
  alias: z.object({ emails_received: z.number(), emails_forwarded: z.number() }),
});

describeInLab('aliases among real mail servers', (lab) => {
  let product: Standalone;
  let api: Api;
  let way: Forward;

  beforeAll(async () => {
    const dataDir = join(lab.handle.dir, 'aliases');
    await mkdir(dataDir);
    const options = ['--deliver', '--host', '0.0.0.0', '--return-path-port', '25'];
    const child = lab.spawn('sender', process.execPath, standaloneArguments(dataDir, options), {
      detached: true,
      env: {
        ...process.env,
        PENNYPOST_HOST_NAME: lab.hosts.sender.fqdn,
        PENNYPOST_ALLOW_LOCAL_MX: 'true',
      },
    });
    product = await Standalone.of(child, dataDir);
    way = await lab.forward('sender', Number(new URL(product.facts.apiUrl).port));
    const url = `http://127.0.0.1:${way.port}`;
    api = new Api(url, product.facts.liveKey);
    const operator = new Operator(url, product.facts.operatorToken);
    const keysOf = async (domain: string, facts: Awaited<ReturnType<Operator['domain']>>) =>
      facts.dkim.map(({ record }) => ({
        name: record.name.slice(0, -domain.length - 1),
        type: 'TXT' as const,
        value: record.value,
      }));
    const strict = { name: '_dmarc', type: 'TXT' as const, value: 'v=DMARC1; p=reject; adkim=s; aspf=s' };
    const facts = await operator.createDomain(1, { domain: aliasDomain, type: 'alias', verified: true });
    await lab.dns.set(aliasDomain, [
      { name: '@', type: 'MX', value: '10 mx.pennypost.test.' },
      strict,
      ...(await keysOf(aliasDomain, facts)),
    ]);
    await lab.dns.set(signing, [strict, ...(await keysOf(signing, await operator.domain(1, signing)))]);
    const ipv4 = lab.hosts.sender.ipv4 ?? '';
    const ipv6 = lab.hosts.sender.ipv6 ?? '';
    const service = 'pennypost.test';
    await lab.dns.replace(service, 'mx', 'A', [ipv4]);
    await lab.dns.replace(service, 'bounces', 'MX', ['10 mx.pennypost.test.']);
    await lab.dns.replace(service, 'bounces', 'TXT', [`v=spf1 ip4:${ipv4} ip6:${ipv6} -all`]);
    const mx1 = [lab.hosts.mx1.ipv4, lab.hosts.mx1.ipv6];
    const spf = `v=spf1 ip4:${mx1[0]} ip6:${mx1[1]} -all`;
    await lab.dns.set(unsigned, [{ name: '@', type: 'TXT', value: spf }, strict]);
    await lab.dns.replace('example.net', '@', 'TXT', [spf]);
  }, 180_000);

  afterAll(async () => {
    await way?.close();
    await lab.dns.replace('example.net', '@', 'TXT', []);
    await lab.dns.replace('limited.test', '@', 'TXT', []);
    await lab.dns.replace('pennypost.test', 'bounces', 'TXT', []);
    expect(await product?.terminate()).toBe(0);
  }, 60_000);

  /** An alias; the operator vouches for whom it is sent on to. */
  async function aliasTo(address: string, ...to: string[]): Promise<{ id: number; address: string }> {
    return await newAlias({ address, forward_to: to });
  }

  async function newAlias(body: { address: string; forward_to: string[]; is_masked?: boolean }) {
    const operator = new Api(api.url, product.facts.operatorToken);
    for (const one of body.forward_to) {
      expect(
        (await operator.call('POST', '/admin/v1/accounts/1/destinations', { address: one })).status,
      ).toBe(201);
    }
    const { answer } = await api.call('POST', '/v1/aliases', { domain: aliasDomain, ...body });
    return made.parse(answer).alias;
  }

  const letter = (subject: string, from: string, to: string) =>
    [
      `From: Ann <${from}>`,
      `To: ${to}`,
      `Subject: ${subject}`,
      `Message-ID: <${subject.replace(/\W/g, '.')}@author.example>`,
      'Date: Thu, 26 Nov 2026 12:00:00 +0000',
      'MIME-Version: 1.0',
      'Content-Type: text/plain; charset=utf-8',
      '',
      'Good day',
      '',
    ].join('\r\n');

  const bring = (from: string, to: string, subject: string, author = from) =>
    swaks(lab, {
      host: 'mx1',
      server: 'mx.pennypost.test',
      from,
      to,
      data: letter(subject, author, to),
    });

  /** What dkimpy says of the chain. */
  async function chainOf(mail: ReceivedMail): Promise<string> {
    const input = mail.raw.toString('latin1').replace(/\r?\n/g, '\r\n');
    const { stdout, stderr } = await lab.run('mx1', 'arcverify', [], {
      input: Buffer.from(input, 'latin1'),
      mayFail: true,
    });
    return `${stdout}${stderr}`;
  }

  it('send on what its author has signed as it is: it passes DMARC of a strict domain, and the chain verifies', async () => {
    const { address } = await aliasTo('signed', 'user-signed@example.net');
    await api.send({ from: `Ann <ann@${signing}>`, to: [address], subject: 'Signed', text_body: 'Good day' });
    const mail = await lab.mailbox('mx1').waitFor({ rcptTo: 'user-signed@example.net' }, 60_000);
    expect(mail.headers.find(({ name }) => name === 'from')?.value).toBe(`Ann <ann@${signing}>`);
    const verdict = await lab.verifiers.verify(mail);
    expect(verdict.dkimAligned).toBe(true);
    expect(verdict.spf.result).toBe('pass');
    expect(verdict.dkimpy.every(({ domain, pass }) => domain === signing && pass)).toBe(true);
    expect(await chainOf(mail)).toMatch(/cv=b?'?pass/);
    expect(mail.headers.filter(({ name }) => name === 'arc-seal')).toHaveLength(1);
  }, 120_000);

  it('put their own address into From where the author’s strict domain would disown it', async () => {
    const { address } = await aliasTo('unsigned', 'user-unsigned@example.net');
    expect((await bring(`ann@${unsigned}`, address, 'Unsigned')).ok).toBe(true);
    const mail = await lab.mailbox('mx1').waitFor({ rcptTo: 'user-unsigned@example.net' }, 60_000);
    expect(mail.headers.find(({ name }) => name === 'from')?.value).toContain(`<${address}>`);
    expect(mail.headers.find(({ name }) => name === 'reply-to')?.value).toBe(`Ann <ann@${unsigned}>`);
    const verdict = await lab.verifiers.verify(mail);
    expect(verdict.dkimAligned).toBe(true);
    expect(verdict.spf.result).toBe('pass');
    expect(await chainOf(mail)).toMatch(/cv=b?'?pass/);
  }, 120_000);

  it('reach a receiver that enforces DMARC, with From as it was or their own; ARC verifies there too', async () => {
    const direct = await swaks(lab, {
      host: 'plain',
      server: lab.hosts.dmarc.fqdn,
      from: `ann@${unsigned}`,
      to: 'user-direct@dmarc.test',
      data: letter('Forged', `ann@${unsigned}`, 'user-direct@dmarc.test'),
    });
    expect(direct.reply).toMatch(/^550 5\.7\.1 rejected by DMARC policy for unsigned\.test/);

    const [signed, rewritten] = [
      await aliasTo('enforced', 'user-signed@dmarc.test'),
      await aliasTo('enforced2', 'user-rewritten@dmarc.test'),
    ];
    const text = { subject: 'Enforced', text_body: 'Good day' };
    await api.send({ from: `Ann <ann@${signing}>`, to: [signed.address], ...text });
    expect((await bring(`ann@${unsigned}`, rewritten.address, 'Enforced')).ok).toBe(true);
    for (const [rcptTo, author] of [
      ['user-signed@dmarc.test', signing],
      ['user-rewritten@dmarc.test', aliasDomain],
    ] as const) {
      const mail = await lab.mailbox('dmarc').waitFor({ rcptTo }, 60_000);
      const results = mail.headers.filter(({ name }) => name === 'authentication-results');
      const judged = results
        .map(({ value }) => value)
        .filter((value) => value.startsWith(lab.hosts.dmarc.fqdn));
      expect(judged.join('\n')).toContain(`dmarc=pass (p=reject dis=none) header.from=${author}`);
      expect(await chainOf(mail)).toMatch(/cv=b?'?pass/);
    }
  }, 180_000);

  it('refuse what fails DMARC of a strict domain at the door', async () => {
    const { address } = await aliasTo('forged', 'user-forged@example.net');
    const { reply } = await swaks(lab, {
      host: 'plain',
      server: 'mx.pennypost.test',
      from: `ann@${unsigned}`,
      to: address,
      data: letter('Forged', `ann@${unsigned}`, address),
    });
    expect(reply).toMatch(/^550 5\.7\.1 unsigned\.test asks .*DMARC/);
  }, 60_000);

  it('tell the sender once of a mail that could not be sent on, and not whom it was for', async () => {
    const { address } = await aliasTo('bounces', 'policy@example.net');
    expect((await bring('user-bounced@example.net', address, 'To be bounced')).ok).toBe(true);
    const mailbox = lab.mailbox('mx1');
    const notice = await mailbox.waitFor({ rcptTo: 'user-bounced@example.net' }, 60_000);
    expect(notice.mailFrom).toBe('');
    const text = notice.raw.toString('latin1');
    expect(text).toContain(`Final-Recipient: rfc822; ${address}`);
    expect(text).not.toContain('policy@example.net');
    expect((await lab.verifiers.verify(notice)).dkimAligned).toBe(true);
    expect(await mailbox.list({ rcptTo: 'user-bounced@example.net' })).toHaveLength(1);
  }, 120_000);

  it('tell the sender once of a failure that came back only later', async () => {
    const { address } = await aliasTo('later', 'nobody@postfixbounce.test');
    expect((await bring('user-later@example.net', address, 'To be returned')).ok).toBe(true);
    const mailbox = lab.mailbox('mx1');
    const notice = await mailbox.waitFor({ rcptTo: 'user-later@example.net' }, 90_000);
    expect(notice.mailFrom).toBe('');
    const text = notice.raw.toString('latin1');
    expect(text).toContain(`Final-Recipient: rfc822; ${address}`);
    expect(text).not.toContain('postfixbounce.test');
    await until('the return to be told in the timeline', 30_000, async () =>
      (await api.allEvents()).some(
        ({ kind, recipient }) => kind === 'bounced' && recipient.startsWith('nobody@'),
      ),
    );
    expect(await mailbox.list({ rcptTo: 'user-later@example.net' })).toHaveLength(1);
  }, 150_000);

  it('that lead to each other stop, and the sender hears of it once', async () => {
    const one = await aliasTo('ping', `pong@${aliasDomain}`);
    const other = await aliasTo('pong', `ping@${aliasDomain}`);
    expect((await bring('user-loop@example.net', one.address, 'Round and round')).ok).toBe(true);
    const mailbox = lab.mailbox('mx1');
    await mailbox.waitFor({ rcptTo: 'user-loop@example.net' }, 90_000);
    const countOf = async (id: number) =>
      counters.parse((await api.call('GET', `/v1/aliases/${id}`)).answer).alias.emails_forwarded;
    await until('both to have stood still', 30_000, async () => (await countOf(other.id)) === 1);
    expect(await countOf(one.id)).toBe(1);
    expect(await mailbox.list({ rcptTo: 'user-loop@example.net' })).toHaveLength(1);
  }, 180_000);

  /** A side of a conversation: its address, and its own Postfix, which finds the alias's by DNS. */
  interface Side {
    host: 'mx1' | 'limited';
    address: string;
  }

  async function relaysToAliases({ host, address }: Side): Promise<void> {
    const conf = join(lab.handle.dir, host, 'conf');
    const settings = [`relay_domains=${aliasDomain}`, 'relay_transport=smtp'];
    await lab.run(host, 'postconf', ['-c', conf, '-e', ...settings]);
    await lab.run(host, 'postfix', ['-c', conf, 'reload']);
    const { ipv4, ipv6 } = lab.hosts[host];
    const spf = `v=spf1 ip4:${ipv4} ip6:${ipv6} -all`;
    await lab.dns.replace(address.slice(address.indexOf('@') + 1), '@', 'TXT', [spf]);
  }

  /** Writes a mail that quotes the one before, in plain text and in HTML, each in an encoding of its own. */
  async function write(from: Side, to: string, subject: string, before: ReceivedMail | null): Promise<void> {
    const read = before && (await PostalMime.parse(before.raw));
    const quoted = read
      ? `${read.from?.name} <${read.from?.address}> wrote to ${from.address}:\n${read.text}`
      : '';
    const domain = from.address.slice(from.address.indexOf('@') + 1);
    const text = `${subject}. I am ${from.address}, you are ${to}.\n\n${quoted.replace(/^/gm, '> ')}`;
    const html = `<p>I am <a href="mailto:${from.address}">${from.address.replace('@', '&#64;')}</a></p>`;
    const base64 = (of: string) => Buffer.from(of, 'latin1').toString('base64').replace(/.{76}/g, '$&\r\n');
    const data = [
      `From: "${subject} from ${from.address}" <${from.address}>`,
      `Sender: ${from.address}`,
      `To: <${to}>`,
      `Cc: ${from.address}`,
      `Subject: =?utf-8?b?${base64(`${subject} of ${from.address}`)}?=`,
      `Message-ID: <${subject.toLowerCase()}@${domain}>`,
      ...(before === null ? [] : [`In-Reply-To: ${before.messageId}`, `References: ${before.messageId}`]),
      `Date: ${new Date().toUTCString().replace('GMT', '+0000')}`,
      `X-Originating-Account: ${from.address}`,
      'MIME-Version: 1.0',
      'Content-Type: multipart/alternative; boundary="parts"',
      '',
      '--parts',
      'Content-Type: text/plain; charset=utf-8',
      'Content-Transfer-Encoding: base64',
      '',
      base64(text),
      '--parts',
      'Content-Type: text/html; charset=utf-8',
      '',
      html,
      '--parts--',
      '',
    ].join('\r\n');
    const server = lab.hosts[from.host].fqdn;
    const { reply, transcript } = await swaks(lab, { host: from.host, server, from: from.address, to, data });
    if (!/^250 2\.0\.0 Ok: queued/.test(reply)) throw new Error(transcript.slice(-4000));
  }

  /** All that somebody could see in a mail: its bytes, and what they come to. */
  async function seen({ raw }: ReceivedMail): Promise<string> {
    const mail = await PostalMime.parse(raw);
    return [raw.toString('latin1'), JSON.stringify(mail.headers), mail.text, mail.html]
      .join('\n')
      .toLowerCase();
  }

  it('that mask carry a conversation of four mails, and neither side gets an octet of the other’s address', async () => {
    const stranger: Side = { host: 'mx1', address: 'user-stranger@example.net' };
    const owner: Side = { host: 'limited', address: 'user-owner@limited.test' };
    const { id, address } = await newAlias({
      address: 'quiet',
      forward_to: [owner.address],
      is_masked: true,
    });
    await relaysToAliases(stranger);
    await relaysToAliases(owner);
    const got = async (side: Side, count: number) => {
      const mails = await lab.mailbox(side.host).waitForCount(count, { rcptTo: side.address }, 60_000);
      const last = mails.at(-1);
      if (!last) throw new Error('none');
      return last;
    };
    const fieldOf = (mail: ReceivedMail, name: string) =>
      mail.headers.find((field) => field.name === name)?.value ?? '';

    await write(stranger, address, 'First', null);
    const first = await got(owner, 1);
    const [reply = ''] = /reply\+[a-z2-7]{26}@aliases\.test/.exec(fieldOf(first, 'from')) ?? [];
    expect(reply).not.toBe('');
    await write(owner, reply, 'Second', first);
    const second = await got(stranger, 1);
    expect(fieldOf(second, 'from')).toContain(address);
    expect(fieldOf(second, 'in-reply-to')).toBe('<first@example.net>');
    await write(stranger, address, 'Third', second);
    const third = await got(owner, 2);
    expect(fieldOf(third, 'from')).toContain(reply);
    expect(fieldOf(third, 'in-reply-to')).toBe('<second@limited.test>');
    await write(owner, reply, 'Fourth', third);
    const fourth = await got(stranger, 2);
    expect(fieldOf(fourth, 'in-reply-to')).toBe('<third@example.net>');

    for (const mail of await lab.mailbox(owner.host).list({ rcptTo: owner.address })) {
      expect(await seen(mail)).not.toMatch(/user-stranger|example\.net|mx1\.lab/);
    }
    for (const mail of await lab.mailbox(stranger.host).list({ rcptTo: stranger.address })) {
      expect(await seen(mail)).not.toMatch(/user-owner|limited|reply\+/);
    }
    for (const mail of [first, second, third, fourth]) {
      const verdict = await lab.verifiers.verify(mail);
      expect([verdict.dkimAligned, verdict.spf.result]).toEqual([true, 'pass']);
    }
    const { answer } = await api.call('GET', `/v1/aliases/${id}`);
    expect(answer).toMatchObject({ alias: { emails_received: 2, emails_forwarded: 2, emails_answered: 2 } });

    const forged = { server: 'mx.pennypost.test', to: reply, data: letter('Forged', owner.address, reply) };
    const byOther = await swaks(lab, { ...forged, host: 'mx1', from: stranger.address });
    expect(byOther.reply).toMatch(/^550 5\.7\.1 Only the owner/);
    const inHisName = await swaks(lab, { ...forged, host: 'plain', from: owner.address });
    expect(inHisName.reply).toMatch(/^550 5\.7\.1 .*SPF, DKIM or DMARC must pass/);
  }, 240_000);
});
