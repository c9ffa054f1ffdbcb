/**
 * DNS as the checks see it: a question is a name and a type, an answer is a value. Who asks whom is not known
 * here; `worker/dns/doh.ts` asks a resolver over HTTPS, a test answers from a table.
 */

/** Types that are asked for, with their numbers (IANA DNS parameters). */
export const dnsTypes = {
  A: 1,
  NS: 2,
  CNAME: 5,
  SOA: 6,
  PTR: 12,
  MX: 15,
  TXT: 16,
  AAAA: 28,
} as const;
export type DnsType = keyof typeof dnsTypes;

/**
 * Why there is no record. `nxdomain` and `nodata` are proof that it is missing; all others tell nothing about
 * the record, only about the way to it.
 */
export type DnsFailure =
  | 'nxdomain'
  | 'nodata'
  | 'servfail'
  | 'refused'
  | 'timeout'
  | 'unreachable'
  | 'malformed';

/** Where the CNAME records led from the name that was asked for, in order; empty without any. */
interface Chain {
  chain: string[];
}

/**
 * Records in presentation form: names in lower case without their last dot, `MX` as `10 mx.example.com`,
 * `TXT` with its strings joined (one character a byte).
 */
export type DnsAnswer = ({ records: string[] } & Chain) | ({ failure: DnsFailure } & Chain);

/** Asks; never rejects. */
export type Lookup = (name: string, type: DnsType) => Promise<DnsAnswer>;

/** True when the answer proves that there is no such record. */
export function provesAbsence(answer: DnsAnswer): boolean {
  return 'failure' in answer && (answer.failure === 'nxdomain' || answer.failure === 'nodata');
}

/** The records; none when the answer is a failure. */
export function recordsOf(answer: DnsAnswer): string[] {
  return 'records' in answer ? answer.records : [];
}

/** A name as DNS compares it (RFC 4343): lower case, without the last dot. */
export function canonicalName(name: string): string {
  const lower = name.trim().toLowerCase();
  return lower.endsWith('.') && lower.length > 1 ? lower.slice(0, -1) : lower;
}

/** Remembers answers, so that one pass over many checks asks each question once. */
export function remembering(lookup: Lookup): Lookup {
  const asked = new Map<string, Promise<DnsAnswer>>();
  return (name, type) => {
    const key = `${type} ${canonicalName(name)}`;
    const answer = asked.get(key) ?? lookup(canonicalName(name), type);
    asked.set(key, answer);
    return answer;
  };
}

/**
 * The text of a TXT record in presentation form (RFC 1035 §5.1): quoted strings with `\"` and `\DDD` escapes are
 * opened and joined without anything between them (RFC 7208 §3.3); text without quotes is taken as it is.
 */
export function joinTxt(data: string): string {
  const text = data.trim();
  if (!text.startsWith('"')) return text;
  let joined = '';
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const char = text[i] ?? '';
    if (char === '\\') {
      const decimal = /^\d{3}/.exec(text.slice(i + 1, i + 4))?.[0];
      joined += decimal ? String.fromCharCode(Number(decimal) & 255) : (text[i + 1] ?? '');
      i += decimal ? 3 : 1;
    } else if (char === '"') quoted = !quoted;
    else if (quoted) joined += char;
  }
  return joined;
}

/** A TXT value as quoted strings of at most 255 octets (RFC 1035 §3.3.14), for a zone file or a JSON answer. */
export function quoteTxt(value: string): string {
  const strings = value.match(/[\s\S]{1,255}/g) ?? [''];
  return strings.map((text) => `"${text.replace(/["\\]/g, '\\$&').replace(/[^ -~]/g, escaped)}"`).join(' ');
}

function escaped(char: string): string {
  return `\\${String(char.charCodeAt(0) & 255).padStart(3, '0')}`;
}
