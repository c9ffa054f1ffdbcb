import { formatDkimRecord } from '#domain/dns/dkim-record.ts';
import { requirementsOf } from '#domain/dns/domain-state.ts';
import { type CheckSubject, isExample, planChecks, signs, spfInclude } from '#domain/dns/record-check.ts';
import { isSpf, mergedSpf } from '#domain/dns/spf.ts';
import { zoneSnippet } from '#domain/dns/zone-snippet.ts';
import { receives, refusesDmarc } from '#domain/inbound/route.ts';
import { uuidOfNumber } from '#domain/number-id.ts';
import { linkHostOf } from '../dns/link-hosts.ts';
import { subjectOf } from '../dns/verify-domain.ts';
import type { Call } from '../http/app.ts';
import type { DkimKeyRow, Domain, KnownDomain } from '../store/domains.ts';

/** A domain as the API shows it: what it is, what it needs, its records and its keys. */

function time(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}

function subject(c: Call, known: KnownDomain): CheckSubject {
  return subjectOf(known, c.get('env').serviceDomain);
}

export function summaryOf(domain: Domain) {
  return {
    id: uuidOfNumber('domain', domain.id),
    domain: domain.name,
    type: domain.type,
    status: domain.status,
    verified: domain.status === 'verified',
    spf_verified: domain.status === 'verified' && signs(domain.type),
    dkim_verified: domain.status === 'verified' && signs(domain.type),
    reason: domain.statusReason,
    verified_by: domain.verifiedBy,
    verified_at: time(domain.verifiedAtMs),
    checked_at: time(domain.checkedAtMs),
    next_check_at: time(domain.nextCheckMs),
    return_path_label: domain.returnPathLabel,
    return_path_host: domain.returnPathHost,
    link_label: domain.linkLabel,
    link_host: linkView(domain),
    dkim_selector: domain.dkimSelector,
    dkim_delegated: domain.dkimDelegated,
    refuse_dmarc: refusesDmarc(domain.type, domain.refuseDmarc),
    signing_domain: domain.dkimDomain ?? domain.name,
    created_at: time(domain.createdAtMs),
  };
}

function linkView(domain: Domain) {
  const name = linkHostOf(domain);
  const { linkState: state, linkFault: fault, linkCheckedAtMs } = domain;
  return name === null ? null : { name, state, fault, checked_at: time(linkCheckedAtMs) };
}

export function detailOf(c: Call, known: KnownDomain) {
  const summary = summaryOf(known.domain);
  const state = stateOf(c, known);
  const met = (name: string) => state.requirements.some((one) => one.name === name && one.met);
  return {
    ...summary,
    spf_verified: summary.spf_verified || met('spf'),
    dkim_verified: summary.dkim_verified || met('dkim'),
    ...state,
  };
}

/** What its DNS needs and has. */
export function dnsOf(c: Call, known: KnownDomain) {
  const { name, status, statusReason, checkedAtMs } = known.domain;
  return { domain: name, status, reason: statusReason, checked_at: time(checkedAtMs), ...stateOf(c, known) };
}

function stateOf(c: Call, known: KnownDomain) {
  return {
    requirements: requirementsView(known),
    notes: notesOf(subject(c, known)),
    records: recordsOf(c, known),
  };
}

function requirementsView({ domain, rows }: KnownDomain) {
  return requirementsOf(domain.type, rows).map(({ name, state, sinceMs, text }) => ({
    name,
    met: state === 'ok',
    state,
    since: time(sinceMs),
    detail: state === 'ok' ? null : text,
  }));
}

/** What the table of records does not say by itself. */
function notesOf({ name, type, returnPathLabel, keys }: CheckSubject): string[] {
  const delegated = keys.some(({ target }) => target);
  const enough = delegated
    ? `Three CNAME records are enough to send: the two of DKIM and ${returnPathLabel}.${name}`
    : `Two records are enough to send: the CNAME ${returnPathLabel}.${name} and the DKIM TXT`;
  return [
    ...(type === 'outbound' ? [`The MX of ${name} stays as it is, with your mailbox provider.`] : []),
    ...(type === 'alias'
      ? [`Every address of ${name} is an alias or refused; SPF and DKIM are for what is sent on in its name.`]
      : []),
    ...(receives(type)
      ? [`Mail for ${name} comes to us once its MX is found; until then leave another one as it is.`]
      : []),
    ...(type === 'outbound' || type === 'both'
      ? [`${enough}; the TXT records for ownership and SPF are then optional.`]
      : []),
  ];
}

/** All records to publish, each with what was last found; `status` is null before the first look. */
function recordsOf(c: Call, known: KnownDomain) {
  return planChecks(subject(c, known)).map(({ kind, need, wanted, check }) => {
    const row = known.rows.find((one) => one.kind === kind && one.name === wanted.name);
    return {
      kind,
      purpose: check.purpose,
      need,
      type: wanted.type,
      name: wanted.name,
      value: wanted.value,
      status: row?.status ?? null,
      since: time(row?.sinceMs ?? null),
      observed: row?.observed ?? [],
      found_at: row?.foundAt ?? null,
      fix: row?.fix ?? null,
    };
  });
}

/** A snippet of a zone file with what is not right yet. */
export function snippetOf(c: Call, known: KnownDomain): string {
  const { name, serviceDomain } = subject(c, known);
  const records = recordsOf(c, known).map((record) => {
    const existing = record.observed.filter(isSpf);
    const there = record.kind === 'spf' && record.status !== 'ok' && existing.length > 0;
    const merged = mergedSpf(existing, spfInclude(serviceDomain));
    // A merged record is advised only where receivers could evaluate it.
    const merge = there && record.fix?.includes(merged) === true;
    const remark = merge ? '; replaces the SPF record that is there' : there ? `; ${record.fix}` : '';
    return {
      type: record.type,
      name: record.name,
      value: merge ? merged : record.value,
      comment: `${record.need}: ${record.purpose} (${record.status ?? 'not looked at yet'})${remark}`,
      // What is right already, or right in another way, is not to be published a second time.
      off: record.status === 'ok' || (there && !merge) || isExample(record.kind),
    };
  });
  return zoneSnippet(name, records);
}

export function keyView(known: KnownDomain, key: DkimKeyRow) {
  const name = `${key.selector}._domainkey.${known.domain.name}`;
  const row = known.rows.find((one) => one.name === name);
  return {
    selector: key.selector,
    algorithm: key.algorithm,
    status: key.status,
    created_at: time(key.createdAtMs),
    retires_at: time(key.retireAtMs),
    record: key.target
      ? { type: 'CNAME' as const, name, value: key.target }
      : { type: 'TXT' as const, name, value: formatDkimRecord(key) },
    record_status: row?.status ?? null,
  };
}
