import { reportAddress } from '../reports/report-address.ts';
import { judgeBimi } from './bimi.ts';
import { dkimFault, formatDkimRecord, parseDkimRecord } from './dkim-record.ts';
import { findDmarc } from './dmarc.ts';
import { canonicalName, type Lookup, recordsOf } from './dns.ts';
import { type Finding, isFailure, lookupFailed, missing, ok, publish, wrong } from './finding.ts';
import { isSpf, mergedSpf, walkSpf } from './spf.ts';

/** What a sending domain is for. */
export const domainTypes = ['outbound', 'inbound', 'both', 'alias'] as const;
export type DomainType = (typeof domainTypes)[number];

/** The domain that is checked, and what its records must say. */
export interface CheckSubject {
  /** A-labels, lower case. */
  name: string;
  type: DomainType;
  /** Proves ownership; the account's own. */
  token: string;
  /** Label of the return-path host below the domain. */
  returnPathLabel: string;
  /** The operator's domain. */
  serviceDomain: string;
  /** Of its addresses for reports (`domain/reports/report-address.ts`); null: it has none. */
  reportToken: string | null;
  /** Keys that are in use or will be. */
  keys: readonly SubjectKey[];
}

export interface SubjectKey {
  selector: string;
  algorithm: 'rsa-sha256' | 'ed25519-sha256';
  publicKey: string;
}

/** A record to publish. */
export interface WantedRecord {
  type: 'TXT' | 'CNAME' | 'MX';
  name: string;
  value: string;
  key?: SubjectKey;
}

/** One check. `required`, `recommended` and `optional` name the types of domain that need it, or for which it is of use. */
export interface RecordCheck {
  kind: string;
  purpose: string;
  required: readonly DomainType[];
  recommended: readonly DomainType[];
  optional?: readonly DomainType[];
  /** false: it is not looked for where misread forms put it. */
  soughtElsewhere?: false;
  /** The records to publish; each is a row of its own. */
  records(subject: CheckSubject): WantedRecord[];
  judge(wanted: WantedRecord, subject: CheckSubject, lookup: Lookup): Promise<Finding>;
}

/** From alias domains leaves what is sent on in their name. */
const sending = ['outbound', 'both', 'alias'] as const;
const receiving = ['inbound', 'both', 'alias'] as const;

/** Whether mail leaves from a domain of this type, so that it has DKIM keys. */
export function signs(type: DomainType): boolean {
  return (sending as readonly DomainType[]).includes(type);
}

/** The label of the return-path host unless another is chosen. */
export const defaultReturnPathLabel = 'pp-bounces';

/** The catalogue of checks: one object is one check. */
export const recordChecks = [
  {
    kind: 'ownership',
    purpose: 'proves that the domain is yours',
    required: domainTypes,
    recommended: [],
    records: ({ name, token }) => [
      { type: 'TXT', name: `_pennypost.${name}`, value: `pennypost-verification=${token}` },
    ],
    judge: judgeOwnership,
  },
  {
    kind: 'spf',
    purpose: 'lets our servers send for the domain (RFC 7208)',
    required: sending,
    recommended: [],
    records: ({ name, serviceDomain }) => [
      { type: 'TXT', name, value: mergedSpf([], spfInclude(serviceDomain)) },
    ],
    judge: judgeSpf,
  },
  {
    kind: 'dkim',
    purpose: 'lets receivers verify our signature (RFC 6376)',
    required: sending,
    recommended: [],
    records: (subject) => dkimRecords(subject, 'rsa-sha256'),
    judge: judgeDkim,
  },
  {
    kind: 'dkim_ed25519',
    purpose: 'a second, shorter signature (RFC 8463); it signs once it is published',
    required: [],
    recommended: [],
    optional: sending,
    records: (subject) => dkimRecords(subject, 'ed25519-sha256'),
    judge: judgeDkim,
  },
  {
    kind: 'return_path',
    purpose: 'brings delayed bounces back and makes SPF align',
    required: [],
    recommended: sending,
    records: ({ name, returnPathLabel, serviceDomain }) => [
      { type: 'CNAME', name: `${returnPathLabel}.${name}`, value: `bounces.${serviceDomain}` },
    ],
    judge: judgeReturnPath,
  },
  {
    kind: 'dmarc',
    purpose: 'says what receivers do with mail that fails SPF and DKIM (RFC 9989)',
    required: [],
    recommended: sending,
    records: (subject) => [
      {
        type: 'TXT',
        name: `_dmarc.${subject.name}`,
        value: `v=DMARC1; p=quarantine; rua=mailto:${dmarcReportsTo(subject)}`,
      },
    ],
    judge: judgeDmarc,
  },
  {
    kind: 'bimi',
    purpose:
      'shows your logo beside your mail at some mailbox providers (BIMI); name the files of your own there',
    required: [],
    recommended: [],
    optional: sending,
    soughtElsewhere: false,
    records: ({ name }) => [
      {
        type: 'TXT',
        name: `default._bimi.${name}`,
        value: `v=BIMI1; l=https://${name}/logo.svg; a=https://${name}/logo.pem`,
      },
    ],
    judge: judgeBimi,
  },
  {
    kind: 'mx',
    purpose: 'brings mail for the domain to us',
    required: receiving,
    recommended: [],
    records: ({ name, serviceDomain }) => [{ type: 'MX', name, value: `10 mx.${serviceDomain}` }],
    judge: judgeMx,
  },
] as const satisfies readonly RecordCheck[];

export type CheckKind = (typeof recordChecks)[number]['kind'];

/** Whether a domain of this type must have it, should have it, or may have it; null: it has no use there. */
export function needOf(check: RecordCheck, type: DomainType): 'required' | 'recommended' | 'optional' | null {
  if (check.required.includes(type)) return 'required';
  if (check.recommended.includes(type)) return 'recommended';
  return check.optional?.includes(type) ? 'optional' : null;
}

/** The domain that SPF records include. */
export function spfInclude(serviceDomain: string): string {
  return `_spf.${serviceDomain}`;
}

/** A record that a subject is to publish, with the check that judges it. */
export interface PlannedCheck {
  kind: CheckKind;
  need: 'required' | 'recommended' | 'optional';
  wanted: WantedRecord;
  check: RecordCheck;
}

/** All records of a domain, in the order of the catalogue. */
export function planChecks(subject: CheckSubject): PlannedCheck[] {
  return recordChecks.flatMap((check) => {
    const need = needOf(check, subject.type);
    return need === null
      ? []
      : check.records(subject).map((wanted): PlannedCheck => ({ kind: check.kind, need, wanted, check }));
  });
}

/** Where aggregate reports go: to us, who show what they say. */
function dmarcReportsTo({ name, reportToken, serviceDomain }: CheckSubject): string {
  return reportToken === null ? `postmaster@${name}` : reportAddress('dmarc', reportToken, serviceDomain);
}

function dkimRecords({ name, keys }: CheckSubject, algorithm: SubjectKey['algorithm']): WantedRecord[] {
  return keys
    .filter((key) => key.algorithm === algorithm)
    .map((key) => ({
      type: 'TXT',
      name: `${key.selector}._domainkey.${name}`,
      value: formatDkimRecord(key),
      key,
    }));
}

async function judgeOwnership(wanted: WantedRecord, subject: CheckSubject, lookup: Lookup): Promise<Finding> {
  const answer = await lookup(wanted.name, 'TXT');
  const ours = recordsOf(answer).filter((text) => /^\s*pennypost-verification\s*=/i.test(text));
  if (isFailure(answer)) return lookupFailed(wanted.name, answer.failure);
  // Several accounts may each have a token there: any one that is ours proves it.
  const tokens = ours.map((text) => text.slice(text.indexOf('=') + 1).trim());
  if (subject.token !== '' && tokens.includes(subject.token)) return ok([wanted.value]);
  if (ours.length === 0) return missing(publish(wanted));
  return wrong(ours, `Set the TXT record at ${wanted.name} to ${wanted.value}; it holds another token.`);
}

async function judgeSpf(wanted: WantedRecord, subject: CheckSubject, lookup: Lookup): Promise<Finding> {
  const answer = await lookup(wanted.name, 'TXT');
  if (isFailure(answer)) return lookupFailed(wanted.name, answer.failure);
  const records = recordsOf(answer).filter(isSpf);
  const include = spfInclude(subject.serviceDomain);
  const [record] = records;
  if (record === undefined) return missing(publish(wanted));
  const merged = mergedSpf(records, include);
  const advised = async (fix: string, otherwise: string) => {
    const { fault } = await walkSpf({ domain: wanted.name, record: merged, wanted: include, lookup });
    return fault === null
      ? fix
      : `${otherwise} With include:${include} in it, ${fault}: ${byReturnPath(subject)}`;
  };
  if (records.length > 1) {
    const fix = await advised(
      `Replace the ${records.length} SPF records of ${wanted.name} by this one (RFC 7208 §3.2): ${merged}`,
      `Make one SPF record of the ${records.length} of ${wanted.name} (RFC 7208 §3.2).`,
    );
    return { status: 'multiple', observed: records, fix, foundAt: null };
  }
  const found = await walkSpf({ domain: wanted.name, record, wanted: include, lookup });
  if (found.fault !== null) {
    const mend = `Mend the SPF record of ${wanted.name}: ${found.fault}.`;
    return wrong(records, found.authorises ? mend : `${mend} For our mail ${byReturnPath(subject)}`);
  }
  if (found.authorises && found.failure === null) return ok(records);
  if (found.failure !== null) return lookupFailed(found.failure.name, found.failure.failure, records);
  const fix = await advised(
    `Change the SPF record of ${wanted.name} to: ${merged}`,
    `Leave the SPF record of ${wanted.name} as it is.`,
  );
  return wrong(records, fix);
}

/** SPF is judged on the return path's host (RFC 7208 §2.4), so that a record of its own there is enough. */
function byReturnPath({ name, returnPathLabel, serviceDomain }: CheckSubject): string {
  return `publish the CNAME ${returnPathLabel}.${name} to bounces.${serviceDomain} instead; SPF is judged on it, and it aligns.`;
}

async function judgeDkim(wanted: WantedRecord, subject: CheckSubject, lookup: Lookup): Promise<Finding> {
  const own = await dkimAt(wanted, subject.name, lookup);
  if (own.status === 'ok') return own;
  const parent = parentOf(subject.name);
  const above = parent === null ? null : await dkimAt(wanted, parent, lookup);
  if (above?.status === 'ok') return above;
  // What is wrong is told of the domain itself; a failure above leaves open whether it is there.
  return above?.status === 'lookup_failed' && own.status !== 'lookup_failed' ? above : own;
}

async function dkimAt(wanted: WantedRecord, domain: string, lookup: Lookup): Promise<Finding> {
  const { key } = wanted;
  if (!key) throw new Error('a DKIM check has no key');
  const name = `${key.selector}._domainkey.${domain}`;
  const answer = await lookup(name, 'TXT');
  if (isFailure(answer)) return lookupFailed(name, answer.failure);
  const records = recordsOf(answer);
  const [record] = records;
  if (record === undefined) return missing(publish(wanted));
  if (records.length > 1) {
    // RFC 6376 §3.6.2.2: with several records the result is undefined
    const fix = `Keep one TXT record at ${name}, the one with: ${wanted.value}`;
    return { status: 'multiple', observed: records, fix, foundAt: null };
  }
  const fault = dkimFault(record, key);
  if (fault !== null) {
    return wrong(records, `Set the TXT record at ${name} to ${wanted.value} (as it is, ${fault}).`);
  }
  const parsed = parseDkimRecord(record);
  const testing = typeof parsed !== 'string' && parsed.flags.includes('y');
  const advice = testing
    ? `Take "t=y" out of the record at ${name}: it says that you are only testing.`
    : null;
  return { status: 'ok', observed: records, fix: advice, foundAt: domain };
}

async function judgeReturnPath(
  wanted: WantedRecord,
  subject: CheckSubject,
  lookup: Lookup,
): Promise<Finding> {
  const answer = await lookup(wanted.name, 'CNAME');
  if (isFailure(answer)) return lookupFailed(wanted.name, answer.failure);
  const target = `bounces.${subject.serviceDomain}`;
  const chain = answer.chain.length > 0 ? answer.chain : recordsOf(answer);
  if (chain.length === 0) {
    const address = await lookup(wanted.name, 'A');
    if (recordsOf(address).length === 0) return missing(publish(wanted));
    return wrong(
      recordsOf(address),
      `Publish ${wanted.name} as a plain CNAME to ${target}: now it is an address (turn a proxy or flattening off).`,
    );
  }
  const whole = await followed(wanted.name, chain, lookup);
  if (!whole.includes(target)) {
    return wrong(whole, `Point the CNAME ${wanted.name} to ${target}; it leads to ${whole.at(-1)}.`);
  }
  // SPF is judged on this host, so what the CNAME leads to must carry a record.
  const txt = await lookup(wanted.name, 'TXT');
  if (isFailure(txt)) return lookupFailed(wanted.name, txt.failure, whole);
  if (recordsOf(txt).filter(isSpf).length === 1) return ok(whole);
  return wrong(whole, `Your CNAME is right; the operator must publish one SPF record at ${target}.`);
}

/** The chain to its end; a resolver may show only its first step. */
async function followed(name: string, chain: string[], lookup: Lookup): Promise<string[]> {
  const whole = [...chain];
  while (whole.length < 8) {
    const [next] = recordsOf(await lookup(whole.at(-1) ?? name, 'CNAME'));
    if (next === undefined || whole.includes(next)) break;
    whole.push(next);
  }
  return whole;
}

async function judgeDmarc(wanted: WantedRecord, subject: CheckSubject, lookup: Lookup): Promise<Finding> {
  const found = await findDmarc(subject.name, lookup);
  switch (found.kind) {
    case 'failed':
      return lookupFailed(`_dmarc.${found.at}`, found.failure);
    case 'none':
      return missing(publish(wanted));
    case 'several': {
      const fix = `Keep one DMARC record at _dmarc.${found.at}; several count as none.`;
      return { status: 'multiple', observed: found.texts, fix, foundAt: null };
    }
    case 'invalid':
      return wrong([found.text], `Mend the DMARC record at _dmarc.${found.at}: ${found.fault}.`);
    case 'found':
      return { status: 'ok', observed: [found.text], fix: dmarcAdvice(found, subject), foundAt: found.at };
  }
}

/** What would make a working policy better; null when nothing would. */
function dmarcAdvice(
  { at, record }: Extract<Awaited<ReturnType<typeof findDmarc>>, { kind: 'found' }>,
  subject: CheckSubject,
): string | null {
  if (record.reportUris.length === 0)
    return `Add rua=mailto:${dmarcReportsTo(subject)} to _dmarc.${at} to see who sends in your name.`;
  if (record.policy === 'none')
    return `Raise p=none at _dmarc.${at} to p=quarantine once the reports look right.`;
  if (record.dkimAlignment === 's') {
    return `With adkim=s at _dmarc.${at} only keys on the From domain itself count; adkim=r is safer.`;
  }
  return null;
}

async function judgeMx(wanted: WantedRecord, subject: CheckSubject, lookup: Lookup): Promise<Finding> {
  const answer = await lookup(wanted.name, 'MX');
  if (isFailure(answer)) return lookupFailed(wanted.name, answer.failure);
  const records = recordsOf(answer);
  const parsed = records.map((record) => {
    const [preference = '', host = ''] = record.split(' ');
    return { preference: Number(preference), ours: canonicalName(host) === `mx.${subject.serviceDomain}` };
  });
  const ours = parsed.find((mx) => mx.ours);
  if (records.length === 0) return missing(publish(wanted));
  if (!ours) {
    return wrong(
      records,
      `Add the MX record ${wanted.value} at ${wanted.name} and remove the others, or receive on a subdomain.`,
    );
  }
  if (parsed.some((mx) => !mx.ours && mx.preference <= ours.preference)) {
    return wrong(
      records,
      `Give mx.${subject.serviceDomain} the lowest preference at ${wanted.name}, or remove the other MX records.`,
    );
  }
  return ok(records);
}

/** The domain above, as long as it is not a top-level domain; null otherwise. */
export function parentOf(domain: string): string | null {
  const labels = domain.split('.');
  return labels.length > 2 ? labels.slice(1).join('.') : null;
}
