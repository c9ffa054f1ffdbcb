/// <reference path="./mx-connect.d.ts" />
import { lookup, Resolver } from 'node:dns/promises';
import mxConnect from 'mx-connect';
import type { FailureClass } from '#domain/failure/failure-class.ts';
import { errorCode, errorText } from './failures.ts';
import type { MxHost } from './mx-order.ts';

/**
 * Which hosts take mail for a domain (RFC 5321 §5.1). Resolution is mx-connect's, through its public interface:
 * its connect hook is called when everything is resolved, and there we stop it. Connecting is a second call, one
 * address at a time, because the choice among equals, the pool and the limits lie between the two.
 */

/** Answers like `dns.promises.Resolver.resolve`; rejects with `code` (ENOTFOUND for NXDOMAIN, ENODATA, …). */
export type ResolveRecords = (name: string, type: string) => Promise<unknown[]>;

export type MxAnswer =
  | { kind: 'hosts'; hosts: readonly MxHost[] }
  | {
      kind: 'none';
      /** True when DNS proves that mail cannot be taken; otherwise it may be different later. */
      permanent: boolean;
      status: string | null;
      class: FailureClass;
      text: string;
      code: string | null;
    };

export interface MxOptions {
  route?: { host: string; port: number };
  dnsServers?: readonly string[];
  resolveRecords?: ResolveRecords;
  ignoreIPv6?: boolean;
  blockLocalAddresses: boolean;
  now: () => number;
  /** How long an answer is kept. Default 5 min: node:dns tells no TTL with MX records. */
  cacheMs?: number;
  cacheEntries?: number;
}

export interface MxResolver {
  /** @param domain A-labels, or an address literal. Never rejects. */
  resolve(domain: string): Promise<MxAnswer>;
}

/** Thrown in the hook to keep mx-connect from connecting. */
class Resolved extends Error {}

export function createMxResolver(options: MxOptions): MxResolver {
  const cacheMs = options.cacheMs ?? 5 * 60_000;
  const cacheEntries = options.cacheEntries ?? 10_000;
  const cache = new Map<string, { answer: Promise<MxAnswer>; untilMs: number }>();
  const resolveRecords = options.resolveRecords ?? systemResolver(options.dnsServers);

  return {
    resolve(domain) {
      const key = options.route ? '' : domain.toLowerCase();
      const cached = cache.get(key);
      if (cached && cached.untilMs > options.now()) return cached.answer;
      const answer = options.route
        ? resolveRoute(options.route.host)
        : resolveMx(domain, options, resolveRecords);
      cache.delete(key);
      const [oldest] = cache.keys();
      if (cache.size >= cacheEntries && oldest !== undefined) cache.delete(oldest);
      const entry = { answer, untilMs: options.now() + cacheMs };
      cache.set(key, entry);
      void answer.then((found) => {
        // Only good news is kept; a failure is asked again.
        if (found.kind === 'none' && cache.get(key) === entry) cache.delete(key);
      });
      return answer;
    },
  };
}

function systemResolver(servers: readonly string[] | undefined): ResolveRecords {
  const resolver = new Resolver({ timeout: 5000, tries: 3 });
  if (servers && servers.length > 0) resolver.setServers(servers);
  return async (name, type) => {
    const records = await resolver.resolve(name, type);
    return Array.isArray(records) ? records : [records];
  };
}

/** A route is configuration, so its name may stand in the hosts file, and no mail is bounced for its sake. */
export async function resolveRoute(host: string): Promise<MxAnswer> {
  try {
    const found = await lookup(host, { all: true });
    const of = (family: number) => found.filter((one) => one.family === family).map((one) => one.address);
    return { kind: 'hosts', hosts: [{ host, preference: 0, ipv4: of(4), ipv6: of(6) }] };
  } catch (error) {
    const text = `the route to ${host} cannot be resolved: ${errorText(error)}`;
    return { kind: 'none', permanent: false, status: null, class: 'network', text, code: errorCode(error) };
  }
}

async function resolveMx(domain: string, options: MxOptions, ask: ResolveRecords): Promise<MxAnswer> {
  let hosts: MxHost[] = [];
  let noSuchDomain = false;
  let hasMx = false;
  try {
    await mxConnect({
      target: domain,
      dnsOptions: {
        ignoreIPv6: options.ignoreIPv6 ?? false,
        blockLocalAddresses: options.blockLocalAddresses,
        // mx-connect reports "no such domain" and "no such record" alike; only the resolver's code tells.
        resolveRecords: async (name, type) => {
          try {
            const records = await ask(name, type);
            if (type === 'MX' && records.length > 0) hasMx = true;
            return records;
          } catch (error) {
            if (type === 'MX' && errorCode(error) === 'ENOTFOUND') noSuchDomain = true;
            throw error;
          }
        },
      },
      connectHook: (delivery, _options, callback) => {
        hosts = delivery.mx.map(({ exchange, priority, A, AAAA }) => ({
          host: exchange,
          preference: priority,
          ipv4: A,
          ipv6: AAAA,
        }));
        callback(new Resolved());
      },
    });
  } catch (error) {
    if (error instanceof Resolved) return { kind: 'hosts', hosts };
    return noHosts(domain, error, { noSuchDomain, hasMx });
  }
  throw new Error('mx-connect connected although its hook refused');
}

function noHosts(
  domain: string,
  error: unknown,
  seen: { noSuchDomain: boolean; hasMx: boolean },
): Extract<MxAnswer, { kind: 'none' }> {
  const code = errorCode(error);
  const none = (permanent: boolean, status: string | null, failure: FailureClass, text: string) =>
    ({ kind: 'none', permanent, status, class: failure, text, code }) as const;
  if (code === 'ENULLMX') {
    return none(true, '5.1.10', 'bad_domain', `${domain} takes no mail: it has a null MX (RFC 7505)`);
  }
  if (code === 'ENOTFOUND' && seen.noSuchDomain) {
    return none(true, '5.1.2', 'bad_domain', `the domain ${domain} does not exist`);
  }
  if (code === 'ENOTFOUND' && !seen.hasMx) {
    return none(true, '5.4.4', 'bad_domain', `${domain} has neither MX nor address records`);
  }
  if (code === 'ENOTFOUND') {
    // The domain means to take mail, but its MX names have no addresses. Usually a slip that is mended soon.
    return none(false, null, 'bad_domain', `no MX host of ${domain} has an address`);
  }
  if (code === 'InvalidIpAddress') {
    return none(false, null, 'bad_domain', `every MX address of ${domain} is local or reserved`);
  }
  return none(false, null, 'network', `DNS did not answer for ${domain} (${code ?? errorText(error)})`);
}
