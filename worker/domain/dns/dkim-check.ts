import {
  type CheckSubject,
  followed,
  parentOf,
  type SubjectKey,
  type WantedRecord,
} from './check-subject.ts';
import { dkimFault, formatDkimRecord, parseDkimRecord } from './dkim-record.ts';
import { type DnsAnswer, type Lookup, recordsOf } from './dns.ts';
import { type Finding, isFailure, lookupFailed, missing, publish, wrong } from './finding.ts';

/** The records of DKIM keys, and what is found of them. */

export function dkimRecords(
  { name, keys }: CheckSubject,
  algorithm: SubjectKey['algorithm'],
): WantedRecord[] {
  return keys
    .filter((key) => key.algorithm === algorithm)
    .map((key) => {
      const place = `${key.selector}._domainkey.${name}`;
      return key.target
        ? { type: 'CNAME', name: place, value: key.target, key }
        : { type: 'TXT', name: place, value: formatDkimRecord(key), key };
    });
}

export async function judgeDkim(
  wanted: WantedRecord,
  subject: CheckSubject,
  lookup: Lookup,
): Promise<Finding> {
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
  if (key.target) return await delegatedAt(name, { ...key, target: key.target }, answer, lookup);
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

/** Of a selector that is delegated: its CNAME is the domain's, what that leads to is the operator's. */
async function delegatedAt(
  name: string,
  key: SubjectKey & { target: string },
  answer: DnsAnswer,
  lookup: Lookup,
): Promise<Finding> {
  const { target } = key;
  const records = recordsOf(answer);
  const steps = answer.chain.length > 0 ? answer.chain : recordsOf(await lookup(name, 'CNAME'));
  const chain = steps.length > 0 ? await followed(name, steps, lookup) : [];
  if (chain.length === 0) {
    const fix = `Publish a CNAME record at ${name}: ${target}`;
    if (records.length === 0) return missing(fix);
    return wrong(records, `${fix} (in place of the TXT record, which would not follow the next key).`);
  }
  if (!chain.includes(target))
    return wrong(chain, `Point the CNAME ${name} to ${target}; it leads to ${chain.at(-1)}.`);
  const [record] = records;
  const fault = record === undefined ? 'there is none' : dkimFault(record, key);
  if (records.length === 1 && fault === null)
    return { status: 'ok', observed: chain, fix: null, foundAt: name.split('._domainkey.')[1] ?? null };
  const as = records.length > 1 ? 'there are several' : fault;
  const fix = `Your CNAME is right; the operator must publish one TXT record at ${target}: ${formatDkimRecord(key)} (as it is, ${as}).`;
  return wrong(chain, fix);
}
