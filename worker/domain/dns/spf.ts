import { canonicalName, type DnsFailure, type Lookup, provesAbsence, recordsOf } from './dns.ts';

/** SPF (RFC 7208): records are parsed, and a policy is walked as a receiver would evaluate it. */
export interface SpfDirective {
  qualifier: '+' | '-' | '~' | '?';
  mechanism: 'all' | 'include' | 'a' | 'mx' | 'ptr' | 'ip4' | 'ip6' | 'exists';
  /** Domain-spec or network as written; null when the mechanism has none. */
  value: string | null;
}

export interface SpfRecord {
  directives: SpfDirective[];
  redirect: string | null;
}

/** RFC 7208 §4.6.4. */
export const mostSpfLookups = 10;
const mostVoidLookups = 2;
const mostMxNames = 10;
/** A walk that has counted so many stops: the policy is broken anyway. */
const mostCounted = 30;

/** True for a TXT record that is an SPF record (RFC 7208 §4.5), well formed or not. */
export function isSpf(text: string): boolean {
  return /^v=spf1(?: |$)/i.test(text);
}

/**
 * Parses a record (RFC 7208 §12).
 * @returns the record, or a sentence that says what is wrong
 */
export function parseSpf(text: string): SpfRecord | string {
  if (!isSpf(text)) return 'it does not begin with "v=spf1"';
  if (/[^ -~]/.test(text)) return 'it has characters that are not printable ASCII';
  const directives: SpfDirective[] = [];
  const modifiers = new Map<string, string>();
  for (const term of text.slice(6).split(' ').filter(Boolean)) {
    const modifier = /^([a-z][a-z0-9._-]*)=(.*)$/i.exec(term);
    if (modifier) {
      const name = (modifier[1] ?? '').toLowerCase();
      const value = modifier[2] ?? '';
      const known = name === 'redirect' || name === 'exp';
      if (known && modifiers.has(name)) return `"${name}=" is there twice`; // §6
      const fault = known ? domainSpecFault(value) : macroFault(value);
      if (fault) return `"${term}" ${fault}`;
      modifiers.set(name, value);
      continue;
    }
    const directive = parseDirective(term);
    if (typeof directive === 'string') return `"${term}" ${directive}`;
    directives.push(directive);
  }
  return { directives, redirect: modifiers.get('redirect') ?? null };
}

function parseDirective(term: string): SpfDirective | string {
  const [, sign = '', name = '', rest = ''] = /^([+\-~?]?)([a-z0-9]+)(.*)$/i.exec(term) ?? [];
  const qualifier = sign === '-' || sign === '~' || sign === '?' ? sign : '+';
  const mechanism = name.toLowerCase();
  const value = rest.startsWith(':') ? rest.slice(1) : null;
  switch (mechanism) {
    case 'all':
      return rest === '' ? { qualifier, mechanism, value: null } : 'is not valid: "all" takes no argument';
    case 'include':
    case 'exists': {
      const fault = value === null ? 'has no domain' : domainSpecFault(value);
      return fault ?? { qualifier, mechanism, value };
    }
    case 'ip4':
    case 'ip6': {
      const fault = value === null ? 'has no address' : networkFault(value, mechanism);
      return fault ?? { qualifier, mechanism, value };
    }
    case 'ptr': {
      if (rest !== '' && value === null) return 'is not valid';
      const fault = value === null ? null : domainSpecFault(value);
      return fault ?? { qualifier, mechanism, value };
    }
    case 'a':
    case 'mx': {
      const [, domain = null, cidr4, cidr6, left = ''] =
        /^(?::([^/]*(?:\{[^}]*\}[^/]*)*))?(?:\/(\d+))?(?:\/\/(\d+))?(.*)$/.exec(rest) ?? [];
      if (left !== '') return 'is not valid';
      const fault =
        (domain === null ? null : domainSpecFault(domain)) ?? cidrFault(cidr4, 32) ?? cidrFault(cidr6, 128);
      return fault ?? { qualifier, mechanism, value: domain };
    }
    default:
      return 'is no mechanism of SPF'; // §4.6.1: an unknown mechanism is a permanent error
  }
}

function cidrFault(text: string | undefined, most: number): string | null {
  if (text === undefined) return null;
  return /^(0|[1-9]\d{0,2})$/.test(text) && Number(text) <= most
    ? null
    : `has a prefix length that is not valid: /${text}`;
}

function networkFault(text: string, family: 'ip4' | 'ip6'): string | null {
  const [address = '', cidr, more] = text.split('/');
  if (more !== undefined || cidr === '') return 'has a prefix length that is not valid';
  const good = family === 'ip4' ? isIpv4(address) : isIpv6(address);
  return good ? cidrFault(cidr, family === 'ip4' ? 32 : 128) : 'has an address that is not valid';
}

/** Dotted quad without leading zeros. */
export function isIpv4(text: string): boolean {
  const parts = text.split('.');
  return parts.length === 4 && parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255);
}

/** Any text form of RFC 4291 §2.2. */
export function isIpv6(text: string): boolean {
  const last = text.split(':').at(-1) ?? '';
  const plain = last.includes('.') ? (isIpv4(last) ? `${text.slice(0, -last.length)}0:0` : '') : text;
  const [head = '', tail, more] = plain.split('::');
  if (more !== undefined || !plain.includes(':')) return false;
  const groups = (side: string) => (side === '' ? [] : side.split(':'));
  const all = [...groups(head), ...groups(tail ?? '')];
  if (!all.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return false;
  return tail === undefined ? all.length === 8 : all.length <= 7;
}

/** RFC 7208 §7.1; the letters c, r and t are for explanations only. */
function macroFault(text: string): string | null {
  const left = text.replace(/%\{[slodiphv]\d*r?[.\-+,/_=]*\}|%[%_-]/gi, '');
  return left.includes('%') ? 'has a macro that is not valid' : null;
}

function domainSpecFault(text: string): string | null {
  if (text === '') return 'has no domain';
  const fault = macroFault(text);
  if (fault) return fault;
  if (/%\{[^}]*\}$/.test(text)) return null;
  // §7.1: it ends in a top label, which is not all digits
  return /\.[a-z0-9-]*[a-z][a-z0-9-]*\.?$/i.test(text) && !/-\.?$/.test(text)
    ? null
    : `has a domain that is not valid: "${text}"`;
}

/** What a receiver would find in a policy. */
export interface SpfFindings {
  /** Terms that cost a lookup, of the whole policy (RFC 7208 §4.6.4). */
  lookups: number;
  voidLookups: number;
  /** The policy passes whatever the wanted include passes. */
  authorises: boolean;
  /** Why a receiver would say `permerror`; null when it would not. */
  fault: string | null;
  /** A lookup that failed, so that the policy is not wholly known. */
  failure: { name: string; failure: DnsFailure } | null;
}

/**
 * Walks a policy: includes and redirect are followed, terms behind `all` are not reached (RFC 7208 §5.1).
 * @param wanted domain whose include is looked for, e.g. `_spf.mail.example.org`
 */
export async function walkSpf(of: {
  domain: string;
  record: string;
  wanted: string;
  lookup: Lookup;
}): Promise<SpfFindings> {
  const found: SpfFindings = { lookups: 0, voidLookups: 0, authorises: false, fault: null, failure: null };
  const walk = { lookup: of.lookup, wanted: canonicalName(of.wanted), found };
  found.authorises = (await walkRecord(canonicalName(of.domain), of.record, walk)) === 'pass';
  if (found.fault === null && found.lookups > mostSpfLookups) {
    const count = found.lookups >= mostCounted ? `${mostCounted} or more` : found.lookups;
    found.fault = `it needs ${count} DNS lookups, ${mostSpfLookups} are allowed (RFC 7208 §4.6.4)`;
  }
  if (found.fault === null && found.voidLookups > mostVoidLookups) {
    found.fault = `${found.voidLookups} of its lookups find nothing, ${mostVoidLookups} are allowed (RFC 7208 §4.6.4)`;
  }
  return found;
}

interface Walk {
  wanted: string;
  lookup: Lookup;
  found: SpfFindings;
}

/** What a record says of an address that the wanted include passes and no other term matches. */
type Verdict = 'pass' | 'other';

async function walkRecord(domain: string, text: string, walk: Walk): Promise<Verdict> {
  const record = parseSpf(text);
  if (typeof record === 'string') {
    walk.found.fault ??= `the record of ${domain} cannot be read: ${record}`;
    return 'other';
  }
  // §4.6.2: the first match decides; what follows is walked for its lookups alone.
  let verdict: Verdict | null = null;
  for (const directive of record.directives) {
    if (directive.mechanism === 'all') return verdict ?? 'other'; // §5.1: what follows is ignored, a redirect too
    if (await matches(domain, directive, walk)) verdict ??= directive.qualifier === '+' ? 'pass' : 'other';
    if (walk.found.lookups >= mostCounted) return verdict ?? 'other';
  }
  if (record.redirect === null) return verdict ?? 'other';
  const redirected = await follow('redirect=', record.redirect, walk);
  return verdict ?? redirected;
}

/** Whether a directive matches an address that the wanted include passes; counts its lookups. */
async function matches(domain: string, { mechanism, value }: SpfDirective, walk: Walk): Promise<boolean> {
  const name = canonicalName(value ?? domain);
  switch (mechanism) {
    case 'include':
      return (await follow('include:', name, walk)) === 'pass';
    case 'ptr':
      walk.found.lookups++;
      return false;
    case 'a':
    case 'mx':
    case 'exists':
      walk.found.lookups++;
      if (!name.includes('%')) await probe(name, mechanism === 'mx' ? 'MX' : 'A', walk);
      return false;
    case 'ip4':
    case 'ip6':
    case 'all':
      return false;
  }
}

/** An include or a redirect: without a record of its own it is a permanent error (RFC 7208 §5.2, §6.1). */
async function follow(term: string, target: string, walk: Walk): Promise<Verdict> {
  const { found } = walk;
  found.lookups++;
  const name = canonicalName(target);
  if (name.includes('%') || found.lookups >= mostCounted) return 'other';
  const answer = await walk.lookup(name, 'TXT');
  if ('failure' in answer && !provesAbsence(answer)) {
    found.failure ??= { name, failure: answer.failure };
    return name === walk.wanted ? 'pass' : 'other';
  }
  const records = recordsOf(answer).filter(isSpf);
  const [only] = records;
  if (only === undefined) found.fault ??= `${term}${name} leads to no SPF record`;
  else if (records.length > 1) found.fault ??= `${name} has ${records.length} SPF records, one is allowed`;
  else {
    const verdict = await walkRecord(name, only, walk);
    return name === walk.wanted ? 'pass' : verdict;
  }
  return 'other';
}

/** Counts a lookup that finds nothing (RFC 7208 §4.6.4). */
async function probe(name: string, type: 'A' | 'MX', walk: Walk): Promise<void> {
  const { found, lookup } = walk;
  let answer = await lookup(name, type);
  // Which of A and AAAA is asked depends on the client; a name that has either is not void.
  if (type === 'A' && provesAbsence(answer)) answer = await lookup(name, 'AAAA');
  if (provesAbsence(answer)) found.voidLookups++;
  else if ('failure' in answer) found.failure ??= { name, failure: answer.failure };
  else if (type === 'MX' && answer.records.length > mostMxNames) {
    found.fault ??= `${name} has ${answer.records.length} MX records, ${mostMxNames} are allowed`;
  }
}

/**
 * One record that says all that the records there say, and includes us. Ours comes first, so that the limits
 * cannot keep a receiver from reaching it.
 * @param records SPF records as published, none or several
 */
export function mergedSpf(records: readonly string[], includeDomain: string): string {
  const ours = `include:${includeDomain}`;
  const terms = records.flatMap((record) => record.slice(6).split(' ').filter(Boolean));
  const isAll = (term: string) => /^[+\-~?]?all$/i.test(term);
  const isRedirect = (term: string) => /^redirect=/i.test(term);
  const others = terms.filter((term) => !isAll(term) && !isRedirect(term) && term.toLowerCase() !== ours);
  const all = terms.find((term) => /^[-~?]all$/i.test(term));
  const redirect = terms.some(isAll) ? undefined : terms.find(isRedirect);
  return ['v=spf1', ours, ...new Set(others), all ?? redirect ?? '~all'].join(' ');
}
