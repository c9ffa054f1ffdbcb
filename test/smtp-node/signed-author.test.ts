import { dkimSign } from 'mailauth/lib/dkim/sign.js';
import { describe, expect, it } from 'vitest';
import { inboundAtEdge } from '../support/inbound.ts';
import { ed25519Key, rsaKey } from '../support/mail.ts';
import { SmtpTalk } from '../support/smtp-talk.ts';

const fbl = 'fbl@bounces.example';
const key = rsaKey('loop');
const other = ed25519Key('other');
const header = [
  'From: Feedback <feedback@fbl.isp.example>',
  `To: <${fbl}>`,
  'Subject: Complaint',
  'Date: Thu, 26 Nov 2026 12:00:00 +0000',
  'Message-ID: <1@fbl.isp.example>',
  'Content-Type: text/plain',
];
const report = (fields = header) => [...fields, '', 'It is spam.', ''].join('\r\n');

/** The mail with a real DKIM signature before it. */
async function signed(
  raw: string,
  more: {
    domain?: string;
    headerList?: string[];
    maxBodyLength?: number;
    signTime?: Date;
    with?: typeof key;
  } = {},
): Promise<string> {
  const { key: own } = more.with ?? key;
  const domain = more.domain ?? 'fbl.isp.example';
  const { signatures, errors } = await dkimSign(raw, {
    signingDomain: domain,
    selector: own.selector,
    privateKey: own.privateKey,
    signTime: more.signTime ?? new Date(),
    ...(more.headerList && { headerList: more.headerList }),
    signatureData: [
      {
        signingDomain: domain,
        selector: own.selector,
        privateKey: own.privateKey,
        algorithm: own.algorithm,
        canonicalization: 'relaxed/relaxed',
        ...(more.maxBodyLength !== undefined && { maxBodyLength: more.maxBodyLength }),
      },
    ],
  });
  expect(errors).toEqual([]);
  return signatures + raw;
}

/** What the edge is told of its author, or the reply when it was not handed over; and the names that were looked up. */
async function brought(
  raw: string,
  of: { rcptTo?: string; records?: Record<string, string>; code?: string } = {},
): Promise<{ told: string | undefined; reply: string; asked: string[] }> {
  const asked: string[] = [];
  const records = of.records ?? {
    'loop._domainkey.fbl.isp.example': key.record,
    'loop._domainkey.isp.example': key.record,
    'other._domainkey.fbl.isp.example': other.record,
  };
  await using at = await inboundAtEdge({
    resolveTxt: async (name) => {
      asked.push(name);
      const record = of.code ? undefined : records[name];
      if (record === undefined) throw Object.assign(new Error(name), { code: of.code ?? 'ENOTFOUND' });
      return [[record]];
    },
  });
  const rcptTo = of.rcptTo ?? fbl;
  at.edge.known.add(rcptTo);
  const talk = await SmtpTalk.open(at.port);
  await talk.say('EHLO mx.example.net');
  await talk.say('MAIL FROM:<>');
  await talk.say(`RCPT TO:<${rcptTo}>`);
  await talk.say('DATA');
  talk.write(raw);
  const reply = await talk.say('.');
  return { told: at.edge.returned[0]?.signedAuthor, reply, asked };
}

describe('row 5: the author of a mail to a feedback mailbox', () => {
  it.each([
    ['RSA', key],
    ['Ed25519', other],
  ])('is told to the edge when a signature of its own domain passes: %s', async (_, by) => {
    const { told, reply } = await brought(await signed(report(), { with: by }));
    expect(told).toBe('feedback@fbl.isp.example');
    expect(reply).toMatch(/^250 /);
  });

  const replaced = (from: string, to: string) => header.map((line) => line.replace(from, to));
  it.each<[string, () => Promise<string>]>([
    ['it is not signed', async () => report()],
    ['its body was changed', async () => (await signed(report())).replace('spam', 'ham')],
    ['its author was changed', async () => (await signed(report())).replace('feedback@', 'somebody@')],
    ['another domain signs', async () => await signed(report(), { domain: 'isp.example' })],
    [
      'only a part of the body is signed',
      async () => `${await signed(report(), { maxBodyLength: 2 })}More.\r\n`,
    ],
    ['To is not signed', async () => await signed(report(), { headerList: ['From', 'Subject'] })],
    [
      'it was written to somebody else',
      async () => await signed(report(replaced(fbl, 'fbl@sender.example'))),
    ],
    [
      'only the name beside the address is ours',
      async () => await signed(report(replaced(`<${fbl}>`, `"${fbl}" <fbl@sender.example>`))),
    ],
    ['a second From stands above', async () => `From: <a@b.example>\r\n${await signed(report())}`],
    ['a second To stands above', async () => `To: <${fbl}>\r\n${await signed(report())}`],
    ['it has two authors', async () => await signed(report(replaced('From: ', 'From: a@fbl.isp.example, ')))],
  ])('is not told when %s', async (_, raw) => {
    const { told, reply } = await brought(await raw());
    expect(told).toBeUndefined();
    expect(reply).toMatch(/^250 /);
  });

  it('is not told when its domain has no such key', async () => {
    const { told, reply } = await brought(await signed(report()), { records: {} });
    expect([told, reply.slice(0, 3)]).toEqual([undefined, '250']);
  });

  it('waits for a key that cannot be looked up now: the peer keeps the mail', async () => {
    const { told, reply } = await brought(await signed(report()), { code: 'ESERVFAIL' });
    expect(told).toBeUndefined();
    expect(reply).toMatch(/^451 4\.7\.5 .*fbl\.isp\.example/);
  });

  it('costs no question to the DNS where no signature is of its domain, there are too many, or a token is the address', async () => {
    const one = await signed(report());
    const signature = one.slice(0, one.indexOf('\r\nFrom:') + 2);
    expect((await brought(await signed(report(), { domain: 'isp.example' }))).asked).toEqual([]);
    expect((await brought(signature.repeat(5) + one)).asked).toEqual([]);
    const rcptTo = `b-${'a'.repeat(44)}@bounces.example`;
    const addressed = report(header.map((line) => line.replace(fbl, rcptTo)));
    expect(await brought(await signed(addressed), { rcptTo })).toMatchObject({ told: undefined, asked: [] });
  });
});
