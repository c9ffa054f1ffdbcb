import { z } from 'zod';
import {
  canonicalName,
  type DnsAnswer,
  type DnsFailure,
  type DnsType,
  dnsTypes,
  joinTxt,
  type Lookup,
} from '#domain/dns/dns.ts';
import { boundedText } from './bounded-text.ts';

/** What an answer may have; more is `malformed`. A root TXT set of a large company has some 10 kB. */
const mostBytes = 128 * 1024;
const mostRecords = 300;
const mostCnames = 12;

export interface DohOptions {
  /** Longest wait for an answer. */
  timeoutMs?: number;
}

/** The JSON form of an answer, as Cloudflare and Google document it. */
const answerSchema = z.object({
  Status: z.number().int(),
  Answer: z
    .array(z.object({ name: z.string(), type: z.number().int(), data: z.string() }))
    .max(mostRecords)
    .default([]),
});

/**
 * DNS over HTTPS in its JSON form (`application/dns-json`), the one that public resolvers and our own endpoint
 * of a one-machine run share.
 * @param url the endpoint, e.g. `https://cloudflare-dns.com/dns-query`
 */
export function dohLookup(url: string, options: DohOptions = {}): Lookup {
  return async (asked, type) => {
    const name = canonicalName(asked);
    const question = new URL(url);
    question.searchParams.set('name', name);
    question.searchParams.set('type', type);
    try {
      const response = await fetch(question, {
        headers: { Accept: 'application/dns-json' },
        signal: AbortSignal.timeout(options.timeoutMs ?? 5_000),
        redirect: 'manual',
      });
      if (!response.ok) {
        await response.body?.cancel();
        return failed(response.status === 504 ? 'timeout' : 'unreachable');
      }
      return parseAnswer(await boundedText(response, mostBytes), name, type);
    } catch (error) {
      return failed(error instanceof Error && error.name === 'TimeoutError' ? 'timeout' : 'unreachable');
    }
  };
}

/** Reads the JSON form of an answer; never throws. */
export function parseAnswer(text: string | null, asked: string, type: DnsType): DnsAnswer {
  const parsed = answerSchema.safeParse(text === null ? null : parseJson(text));
  if (!parsed.success) return failed('malformed');
  const { Status, Answer } = parsed.data;
  const chain: string[] = [];
  let owner = canonicalName(asked);
  while (chain.length < mostCnames) {
    const alias = Answer.find((rr) => rr.type === dnsTypes.CNAME && canonicalName(rr.name) === owner);
    if (!alias) break;
    owner = canonicalName(alias.data);
    chain.push(owner);
  }
  if (type === 'CNAME' && chain[0] !== undefined) return { records: [chain[0]], chain };
  if (Status === 3) return { failure: 'nxdomain', chain }; // RFC 2308 §2.1
  if (Status !== 0) return { failure: Status === 5 ? 'refused' : 'servfail', chain };
  const records = Answer.filter((rr) => rr.type === dnsTypes[type] && canonicalName(rr.name) === owner).map(
    (rr) => presented(rr.data, type),
  );
  return records.length > 0 ? { records, chain } : { failure: 'nodata', chain };
}

function presented(data: string, type: DnsType): string {
  switch (type) {
    case 'TXT':
      return joinTxt(data);
    case 'MX': {
      const [preference = '', host = ''] = data.trim().split(/\s+/);
      return `${preference} ${canonicalName(host)}`;
    }
    case 'SOA':
    case 'A':
    case 'AAAA':
      return data.trim().toLowerCase();
    case 'CNAME':
    case 'NS':
    case 'PTR':
      return canonicalName(data);
  }
}

function failed(failure: DnsFailure): DnsAnswer {
  return { failure, chain: [] };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
