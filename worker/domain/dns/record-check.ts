import { reportAddress } from '../reports/report-address.ts';
import { judgeBimi } from './bimi.ts';
import { type CheckSubject, type DomainType, domainTypes, type WantedRecord } from './check-subject.ts';
import { judgeCname } from './cname-check.ts';
import { dkimRecords, judgeDkim } from './dkim-check.ts';
import { findDmarc } from './dmarc.ts';
import { canonicalName, type Lookup, recordsOf } from './dns.ts';
import { type Finding, isFailure, lookupFailed, missing, ok, publish, wrong } from './finding.ts';
import { judgeLinkHost, linkHostTarget } from './link-host.ts';
import { isSpf, mergedSpf, walkSpf } from './spf.ts';

export type { CheckSubject, DomainType, SubjectKey, WantedRecord } from './check-subject.ts';
export { domainTypes, parentOf } from './check-subject.ts';

/** One check. `required`, `recommended` and `optional` name the types of domain that need it, or for which it is of use. */
export interface RecordCheck {
  kind: string;
  purpose: string;
  required: readonly DomainType[];
  recommended: readonly DomainType[];
  optional?: readonly DomainType[];
  /** false: it is not looked for where misread forms put it. */
  soughtElsewhere?: false;
  /** true: what its records name is the owner's choice, so nobody publishes them unseen. */
  isExample?: true;
  /** The records to publish; each is a row of its own. */
  records(subject: CheckSubject): WantedRecord[];
  judge(wanted: WantedRecord, subject: CheckSubject, lookup: Lookup): Promise<Finding>;
}

/** From alias domains leaves what is sent on in their name. */
const sending = ['outbound', 'both', 'alias'] as const;
const receiving = ['inbound', 'both', 'alias'] as const;
/** Mail of their own leaves from these alone, with links that tell of clicks. */
const tracking = ['outbound', 'both'] as const;

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
    kind: 'link_host',
    purpose: 'lets links in your mail lead to a name of your own, where opens and clicks are counted',
    required: [],
    recommended: [],
    optional: tracking,
    records: ({ name, linkLabel, serviceDomain }) =>
      linkLabel === null
        ? []
        : [{ type: 'CNAME', name: `${linkLabel}.${name}`, value: linkHostTarget(serviceDomain) }],
    judge: judgeLinkHost,
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
    isExample: true,
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

/** Whether the records of this check are examples that their owner fills in. */
export function isExample(kind: CheckKind): boolean {
  return recordChecks.some((check) => check.kind === kind && 'isExample' in check);
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

async function judgeReturnPath(wanted: WantedRecord, _: CheckSubject, lookup: Lookup): Promise<Finding> {
  const found = await judgeCname(wanted, lookup);
  if (found.status !== 'ok') return found;
  const whole = found.observed;
  // SPF is judged on this host, so what the CNAME leads to must carry a record.
  const txt = await lookup(wanted.name, 'TXT');
  if (isFailure(txt)) return lookupFailed(wanted.name, txt.failure, whole);
  if (recordsOf(txt).filter(isSpf).length === 1) return ok(whole);
  return wrong(whole, `Your CNAME is right; the operator must publish one SPF record at ${wanted.value}.`);
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
