/**
 * TLS as the receiver asks (RFC 7672, 8461, 8689) among real parts: Knot that signs, Unbound that validates, Postfix as
 * receivers, HTTPS hosts of policies under a test authority; and Postfix as a sender beside the product. The cases are a
 * table (test/lab/tls-cases.ts), and what became of each is printed as one at the end.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Forward } from '../lab/forward.ts';
import { describeInLab } from '../lab/suite.ts';
import { swaks } from '../lab/swaks.ts';
import { domainOf, type Ending, hostOf, type TlsCase } from '../lab/tls-case.ts';
import { tlsCases } from '../lab/tls-cases.ts';
import { TlsWorld } from '../lab/tls-world.ts';
import { until } from '../lab/until.ts';
import { Api, type AttemptDetails, attemptOf, Operator } from '../support/api.ts';
import { SmtpTalk } from '../support/smtp-talk.ts';
import { Standalone, standaloneArguments } from '../support/standalone.ts';

const from = 'shop@customer.test';
/** The first retry comes after a minute, give or take six seconds. */
const retryMs = 90_000;
const firstMs = 40_000;
const recipientOf = (one: TlsCase) => `user@${domainOf(one)}`;

/** Cases of the table that are told once more with a policy that has changed, after a time that is made to pass. */
const later = { changed: 'st-good', withdrawn: 'st-wild' };

describeInLab('TLS as the receiver asks', (lab) => {
  let world: TlsWorld;
  let product: Standalone;
  let api: Api;
  let ways: Forward[] = [];
  const ids = new Map<string, string>();
  const dataDir = join(lab.handle.dir, 'tls-product');

  async function startProduct(): Promise<void> {
    const child = lab.spawn('sender', process.execPath, standaloneArguments(dataDir, ['--deliver']), {
      detached: true,
      env: {
        ...process.env,
        PENNYPOST_HOST_NAME: lab.hosts.sender.fqdn,
        PENNYPOST_ALLOW_LOCAL_MX: 'true',
        PENNYPOST_DNSSEC: 'trust',
        NODE_EXTRA_CA_CERTS: world.authorityFile,
      },
    });
    product = await Standalone.of(child, dataDir);
    const { facts } = product;
    ways = [
      await lab.forward('sender', Number(new URL(facts.apiUrl).port)),
      await lab.forward('sender', facts.smtp.port),
    ];
    api = new Api(`http://127.0.0.1:${ways[0]?.port}`, facts.liveKey);
  }

  async function stopProduct(): Promise<void> {
    for (const way of ways) await way.close();
    expect(await product?.terminate()).toBe(0);
  }

  beforeAll(async () => {
    await mkdir(dataDir, { recursive: true });
    world = new TlsWorld(lab, tlsCases);
    await world.start();
    await startProduct();
    await new Operator(api.url, product.facts.operatorToken).createDomain(1, {
      domain: 'customer.test',
      verified: true,
    });
    await sendByPostfix();
    for (const one of tlsCases) ids.set(one.label, await sendOurs(one));
  }, 180_000);

  afterAll(async () => {
    console.info(await tableOf());
    await stopProduct();
  }, 60_000);

  async function sendOurs(one: TlsCase): Promise<string> {
    const to = recipientOf(one);
    if (one.wish === 'TLS-Required: No') {
      const fields = [
        `From: ${from}`,
        `To: ${to}`,
        `Subject: ${one.label}`,
        'TLS-Required: No',
        '',
        'Good day',
        '',
      ];
      return await api.sendRaw(Buffer.from(fields.join('\r\n')), { mailFrom: from, rcptTo: [to] });
    }
    if (one.wish === 'REQUIRETLS') return await submitRequiring(one.label, to);
    const requires = one.wish === 'require_tls' ? { require_tls: true } : {};
    return await api.send({ from, to, subject: one.label, text_body: 'Good day', ...requires });
  }

  async function submitRequiring(subject: string, to: string): Promise<string> {
    const talk = await SmtpTalk.open(ways[1]?.port ?? 0);
    await talk.logIn('pennypost', product.facts.liveKey);
    for (const line of [`MAIL FROM:<${from}> REQUIRETLS`, `RCPT TO:<${to}>`, 'DATA'])
      expect(await talk.say(line), line).toMatch(/^[23]/);
    const reply = await talk.say(
      [`From: ${from}`, `To: ${to}`, `Subject: ${subject}`, '', 'Good day', '.'].join('\r\n'),
    );
    await talk.say('QUIT');
    return /Queued as: (\S+)/.exec(reply)?.[1] ?? '';
  }

  async function sendByPostfix(): Promise<void> {
    const compared = tlsCases.filter(({ postfix }) => postfix !== null).map(recipientOf);
    const data = `From: ${from}\r\nSubject: rival\r\n\r\nGood day\r\n`;
    const result = await swaks(lab, {
      host: 'rival',
      server: '127.0.0.1',
      from,
      to: compared.join(','),
      data,
    });
    expect(result.ok, result.transcript).toBe(true);
  }

  const idOf = (label: string): string => ids.get(label) ?? '';

  /** What the first attempt came to, and with a second one when the table tells of two. */
  async function ours(
    one: TlsCase,
    id = idOf(one.label),
  ): Promise<{ ending: Ending; details: AttemptDetails }> {
    const first = await until(`an end of ${one.label}`, firstMs, async () =>
      (await api.events(id)).find(({ kind }) =>
        ['delivered', 'deferred', 'bounced', 'failed'].includes(kind),
      ),
    );
    const details = attemptOf(first);
    if (first.kind === 'delivered') return { ending: endingOf(details), details };
    if (!one.ours.includes('then')) return { ending: 'deferred', details };
    const bounces = one.ours.endsWith('bounced');
    const second = await api.event(id, bounces ? 'bounced' : 'delivered', retryMs);
    const then = bounces ? 'bounced' : endingOf(attemptOf(second));
    return { ending: `deferred, then ${then}` as Ending, details };
  }

  /** The same of Postfix, from its log. */
  async function rivals(one: TlsCase): Promise<string> {
    const patient = one.postfix?.includes('then') ? 60_000 : 30_000;
    return await until(`Postfix to try ${one.label}`, patient, async () => {
      const log = await lab.mailLog('rival');
      const told = [...log.matchAll(new RegExp(`to=<${recipientOf(one)}>.*status=(\\w+)`, 'g'))].map(
        ([, word]) => word,
      );
      if (told.length === 0) return false;
      const mode = new RegExp(
        `(Verified|Trusted|Untrusted|Anonymous) TLS connection established to ${hostOf(one)}`,
      ).exec(log);
      const sent = !mode ? 'clear' : mode[1] === 'Verified' ? 'verified' : 'encrypted';
      const named = told.map((word) =>
        word === 'sent' ? sent : word === 'bounced' ? 'bounced' : 'deferred',
      );
      if (named[0] !== 'deferred') return named[0];
      if (!one.postfix?.includes('then')) return 'deferred';
      const last = named.at(-1);
      return last !== 'deferred' && `deferred, then ${last}`;
    });
  }

  async function tableOf(): Promise<string> {
    const rows = await Promise.all(
      tlsCases.map(async (one) => {
        const id = ids.get(one.label);
        const told = id ? await ours(one).catch(() => null) : null;
        const reason = told?.details.diagnostic ?? told?.details.tls?.policy?.fault ?? '';
        const wish = one.wish && one.wish !== 'require_tls' ? `${one.wish}; ` : '';
        return [
          one.what.startsWith(one.wish ?? '\0') ? one.what : `${wish}${one.what}`,
          told?.ending ?? '?',
          told?.details.tls?.policy?.source ?? '',
          one.postfix === null ? '–' : await rivals(one).catch(() => '?'),
          one.mox,
          reason.replace(/^.*?\]: /, '').slice(0, 90),
        ];
      }),
    );
    const all = [['Receiver', 'Pennypost', 'by', 'Postfix 3.7', 'mox (documented)', 'reason told'], ...rows];
    const widths = all[0]?.map((_, i) => Math.max(...all.map((row) => row[i]?.length ?? 0))) ?? [];
    return all
      .map((row) =>
        row
          .map((cell, i) => cell.padEnd(widths[i] ?? 0))
          .join(' | ')
          .trimEnd(),
      )
      .join('\n');
  }

  describe('the table', () => {
    it.concurrent.each(tlsCases)('$label: $what', async (one) => {
      const { ending, details } = await ours(one);
      const said = JSON.stringify(details, null, 1);
      expect(ending, said).toBe(one.ours);
      if (one.why) expect(details.diagnostic ?? details.tls?.policy?.fault).toMatch(one.why);
      if (ending.startsWith('deferred')) {
        if (one.postfix !== null) expect(await rivals(one)).toBe(one.postfix);
        return;
      }
      expect(details.tls?.policy?.source ?? null, said).toBe(one.source ?? null);
      if (details.tls) {
        expect(details.tls.issuer?.length).toBeGreaterThan(0);
        expect(Date.parse(details.tls.expires ?? '')).toBeGreaterThan(0);
      }
      // The receiver's own word on it.
      if (one.face !== 'requiretls') {
        const mail = await lab.mailbox('faces').waitFor({ rcptTo: recipientOf(one), subject: one.label });
        expect(mail.client.tls).toBe(ending !== 'clear');
      }
      if (one.postfix !== null) expect(await rivals(one)).toBe(one.postfix);
    });

    it('hands REQUIRETLS on', () => {
      expect(world.commands.filter((line) => line.startsWith('MAIL'))).toEqual([
        expect.stringMatching(/ REQUIRETLS$/),
      ]);
    });
  });

  describe('policies that were kept, after ten minutes and a restart', () => {
    const caseOf = (label: string) => tlsCases.find((one) => one.label === label) as TlsCase;
    const again = async (one: TlsCase) => {
      const id = await api.send({
        from,
        to: recipientOf(one),
        subject: `${one.label} again`,
        text_body: 'Good day',
      });
      return await ours(one, id);
    };

    beforeAll(async () => {
      await Promise.all(tlsCases.map((one) => ours(one)));
      await stopProduct();
      const file = join(dataDir, 'node', 'mta-sts.json');
      const kept = JSON.parse(await readFile(file, 'utf8')) as { checkedMs: number }[];
      await writeFile(
        file,
        JSON.stringify(kept.map((one) => ({ ...one, checkedMs: one.checkedMs - 11 * 60_000 }))),
      );
      const changed = caseOf(later.changed);
      const withdrawn = caseOf(later.withdrawn);
      await world.publish([
        { ...changed, sts: { mode: 'enforce', mx: ['other.example'], texts: ['v=STSv1; id=2;'] } },
        // Whoever stands between takes away record and policy, and shows a certificate of another.
        { ...withdrawn, face: 'other', sts: { mode: 'enforce', fault: 'down', texts: [] } },
      ]);
      await startProduct();
    }, 150_000);

    it('bind where record and policy host are gone', async () => {
      const { ending, details } = await again(caseOf(later.withdrawn));
      expect(ending).toBe('deferred');
      expect(details.diagnostic).toMatch(/is not for mx.*MTA-STS asks/);
    });

    it('give way to one with another id, for the message after', async () => {
      const one = caseOf(later.changed);
      expect(await again(one)).toMatchObject({ ending: 'verified' });
      await until('the policy of the new id', 20_000, async () => {
        const { ending, details } = await again(one);
        return ending === 'deferred' && /none of the hosts/.test(details.diagnostic ?? '');
      });
    });
  });
});

function endingOf({ tls }: AttemptDetails): Ending {
  if (!tls) return 'clear';
  return tls.verdict === 'verified' && tls.policy?.mode === 'enforce' ? 'verified' : 'encrypted';
}
