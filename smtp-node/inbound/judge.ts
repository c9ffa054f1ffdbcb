import { Resolver } from 'node:dns/promises';
import { createReadStream } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { type AuthenticateResult, authenticate, type DKIMResult } from 'mailauth';
import { type AuthResult, noVerdicts, type Verdicts } from '#domain/inbound/verdicts.ts';

/** The session that brought a mail. */
export interface Client {
  remoteIp: string;
  helo: string;
  /** Empty: the null sender. */
  mailFrom: string;
}

/** What was found out about a mail. */
export interface Judgement {
  verdicts: Verdicts;
  /** The value of Authentication-Results (RFC 8601), folded; null: nobody could judge. */
  authResults: string | null;
}

/** Judges the mail that a file holds. Never rejects: what cannot be judged is `temperror`. */
export type Judge = (path: string, client: Client) => Promise<Judgement>;

export interface JudgeOptions {
  /** Says who judged: the authserv-id (RFC 8601 §2.5). */
  hostName: string;
  /** DNS servers, each with an optional port; empty: those of the system. */
  dnsServers: readonly string[];
  /** Longest time that judging one mail may take. Default 30 s. */
  withinMs?: number;
}

/** SPF, DKIM, DMARC and ARC by mailauth, and the client's name in DNS. */
export function mailJudge({ hostName, dnsServers, withinMs = 30_000 }: JudgeOptions): Judge {
  const resolver = resolverOf(dnsServers);
  const ask = async (name: string, type: string) => (await resolver.resolve(name, type)) as string[][];
  return async (path, client) => {
    const late = new AbortController();
    const judging = Promise.all([
      authenticate(createReadStream(path), {
        ip: client.remoteIp,
        helo: client.helo,
        sender: client.mailFrom,
        mta: hostName,
        resolver: ask,
        disableBimi: true,
      }),
      reverseOf(client.remoteIp, resolver),
    ]).then(([found, reverse]) => judgementOf(found, reverse));
    const given = pause(withinMs, unjudged, { signal: late.signal });
    // whichever comes second is nobody's
    judging.catch(() => undefined);
    given.catch(() => undefined);
    try {
      return await Promise.race([judging, given]);
    } catch {
      return unjudged;
    } finally {
      late.abort();
    }
  };
}

/** Asks DNS servers, each with an optional port; none: those of the system. */
export function resolverOf(dnsServers: readonly string[]): Resolver {
  const resolver = new Resolver({ timeout: 3_000, tries: 2 });
  if (dnsServers.length > 0) resolver.setServers(dnsServers);
  return resolver;
}

const unjudged: Judgement = {
  verdicts: {
    ...noVerdicts,
    spf: { result: 'temperror', domain: '' },
    dkim: { result: 'temperror', signatures: [] },
    dmarc: { ...noVerdicts.dmarc, result: 'temperror' },
    arc: { result: 'temperror', instance: 0 },
  },
  authResults: null,
};

function judgementOf(found: AuthenticateResult, reverse: Verdicts['reverse']): Judgement {
  const { spf, dkim, dmarc, arc } = found;
  const signatures = dkim.results
    .filter((one) => one.signingDomain)
    .slice(0, 50)
    .map(signatureOf);
  const verdicts: Verdicts = {
    spf: spf ? { result: resultOf(spf.status.result), domain: short(spf.domain, 255) } : noVerdicts.spf,
    dkim: { result: bestOf(signatures.map(({ result }) => result)), signatures },
    dmarc: dmarc
      ? {
          result: resultOf(dmarc.status.result),
          domain: short(dmarc.status.header?.from ?? dmarc.domain, 255),
          policy: policyOf(dmarc.policy),
          spfAligned: Boolean(dmarc.alignment?.spf.result),
          dkimAligned: Boolean(dmarc.alignment?.dkim.result),
        }
      : { ...noVerdicts.dmarc, domain: short(firstOf(dkim.headerFrom), 255).replace(/.*@/, '') },
    arc: arc
      ? { result: resultOf(arc.status.result), instance: typeof arc.i === 'number' ? Math.min(arc.i, 50) : 0 }
      : noVerdicts.arc,
    reverse,
    spam: null,
  };
  const authResults = /^Authentication-Results: ([\s\S]*?)\r\n(?![ \t])/m.exec(found.headers)?.[1] ?? null;
  return { verdicts, authResults };
}

function signatureOf(one: DKIMResult): Verdicts['dkim']['signatures'][number] {
  return {
    result: resultOf(one.status.result),
    domain: short(one.signingDomain ?? '', 255),
    selector: short(one.selector ?? '', 255),
    algorithm: short(one.algo ?? '', 64),
    aligned: Boolean(one.status.aligned),
  };
}

const results: readonly AuthResult[] = ['pass', 'temperror', 'fail', 'policy', 'neutral', 'permerror'];

/** One signature that passes is enough (RFC 6376 §6.1). */
function bestOf(all: readonly AuthResult[]): AuthResult {
  return results.find((result) => all.includes(result)) ?? 'none';
}

/** What mailauth says, as one of our results. */
export function resultOf(text: string): AuthResult {
  const word = text.toLowerCase();
  return word === 'softfail' ? 'softfail' : (results.find((result) => result === word) ?? 'none');
}

function policyOf(text: string): Verdicts['dmarc']['policy'] {
  return text === 'none' || text === 'quarantine' || text === 'reject' ? text : null;
}

function firstOf(addresses: string | string[] | false | undefined): string {
  return (Array.isArray(addresses) ? addresses[0] : addresses) || '';
}

function short(text: string, most: number): string {
  return text.slice(0, most);
}

/** The name of an address, and whether the name has that address (RFC 8601 §2.7.3). */
async function reverseOf(ip: string, resolver: Resolver): Promise<Verdicts['reverse']> {
  const [name] = await resolver.reverse(ip).catch((): string[] => []);
  if (name === undefined) return null;
  const answers = await Promise.all([
    resolver.resolve4(name).catch((): string[] => []),
    resolver.resolve6(name).catch((): string[] => []),
  ]);
  return { name: short(name, 255), verified: answers.flat().includes(ip) };
}
