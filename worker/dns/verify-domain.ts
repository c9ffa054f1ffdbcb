import { type Lookup, remembering } from '#domain/dns/dns.ts';
import {
  type CheckRow,
  type DomainDecision,
  decideDomain,
  nextRow,
  requirementsOf,
} from '#domain/dns/domain-state.ts';
import { judgeRecord } from '#domain/dns/judge-record.ts';
import { type LinkStanding, nextLinkCheck } from '#domain/dns/link-host.ts';
import { type CheckSubject, planChecks } from '#domain/dns/record-check.ts';
import { reportToken } from '#domain/reports/report-address.ts';
import { AlreadyThere, findHolder, type KnownDomain, readDomain, saveDecision } from '../store/domains.ts';
import type { Store } from '../store/store.ts';
import { type Delegation, tendDelegatedKeys } from './delegated-keys.ts';
import { type LinkTending, settledRow, tendLinkHost, unproven } from './link-hosts.ts';

export interface Verifying {
  store: Store;
  lookup: Lookup;
  serviceDomain: string;
  nowMs: number;
  delegation: Delegation;
  links: LinkTending;
  /** Told of a domain that was verified and is so no longer, once that is written; must not throw. */
  onLost(lost: LostDomain): Promise<void>;
}

/** A domain that was verified until now. */
export interface LostDomain {
  accountId: number;
  name: string;
  reason: string | null;
  rows: readonly CheckRow[];
}

/** What the checks of a domain look at. */
export function subjectOf({ domain, keys }: KnownDomain, serviceDomain: string): CheckSubject {
  return {
    name: domain.name,
    type: domain.type,
    token: domain.verificationToken,
    returnPathLabel: domain.returnPathLabel,
    linkLabel: domain.linkLabel,
    serviceDomain,
    reportToken: reportToken(domain),
    keys: keys.filter((key) => key.status !== 'retired'),
  };
}

/**
 * Looks at all records of a domain, decides what follows and writes it down.
 * @returns the domain as it is afterwards; null when there is none
 */
export async function verifyDomain(verifying: Verifying, id: number): Promise<KnownDomain | null> {
  const found = await readDomain(verifying.store, id);
  if (!found) return null;
  const known = await tendDelegatedKeys(verifying, found);
  const pass = await lookAt(verifying, known);
  try {
    const { rows, decision, link } = await withLinkHost(verifying, known, pass);
    await save(verifying, known, { ...decision, link }, rows);
  } catch (error) {
    if (!(error instanceof AlreadyThere)) throw error;
    await contest(verifying, known, pass);
  }
  return await readDomain(verifying.store, id);
}

interface Pass {
  rows: CheckRow[];
  decision: DomainDecision;
}

async function lookAt(verifying: Verifying, known: KnownDomain): Promise<Pass> {
  const { nowMs } = verifying;
  const subject = subjectOf(known, verifying.serviceDomain);
  const lookup = remembering(verifying.lookup);
  const rows = await Promise.all(
    planChecks(subject).map(async (planned) => {
      const { kind, wanted } = planned;
      const before = known.rows.find((row) => row.kind === kind && row.name === wanted.name);
      return nextRow(planned, await judgeRecord(planned, subject, lookup), before, nowMs);
    }),
  );
  return { rows, decision: decideDomain(known.domain, known.keys, rows, nowMs) };
}

/** Takes care of the link host of a domain as well, once it is verified; what must not wait for the next look comes sooner. */
async function withLinkHost(
  { links, nowMs }: Verifying,
  { domain }: KnownDomain,
  { rows, decision }: Pass,
): Promise<Pass & { link: LinkStanding }> {
  if (domain.linkLabel === null || decision.status !== 'verified')
    return { rows, decision, link: unproven(domain) };
  const row = rows.find(({ kind }) => kind === 'link_host');
  const link = await tendLinkHost(links, domain, row);
  const foundMs = row?.status === 'ok' ? row.sinceMs : null;
  const nextCheckMs = nextLinkCheck(decision.nextCheckMs, link, { foundMs, nowMs });
  return { rows: rows.map((one) => settledRow(one, link)), decision: { ...decision, nextCheckMs }, link };
}

/**
 * Two accounts want one domain and this one has all that it needs. The other keeps it as long as it proves
 * ownership itself, or the operator vouches for it; otherwise it loses it now.
 */
async function contest(verifying: Verifying, known: KnownDomain, pass: Pass): Promise<void> {
  const found = await findHolder(verifying.store, known.domain);
  const holder = found && (await readDomain(found.store, found.id));
  if (holder && holder.domain.verifiedBy !== 'operator') {
    const held = await lookAt(verifying, holder);
    const [ownership] = requirementsOf(holder.domain.type, held.rows);
    if (ownership?.state === 'bad') {
      const reason = `${ownership.fault}; another account has proven that the domain is its own.`;
      const unverified = { status: 'pending' as const, verifiedBy: null, link: unproven(holder.domain) };
      const lost = { ...held.decision, ...unverified, reason, lost: true };
      await save({ ...verifying, store: found.store }, holder, lost, held.rows);
      const { rows, decision, link } = await withLinkHost(verifying, known, pass);
      return await save(verifying, known, { ...decision, link }, rows);
    }
  }
  const reason = 'another account has verified this domain and still proves its ownership.';
  const unverified = { status: 'pending' as const, verifiedBy: null, link: unproven(known.domain) };
  const waiting = { ...pass.decision, ...unverified, reason };
  await save(verifying, known, waiting, pass.rows);
}

async function save(
  verifying: Verifying,
  known: KnownDomain,
  decision: DomainDecision & { link: LinkStanding },
  rows: CheckRow[],
): Promise<void> {
  const saved = await saveDecision(verifying.store, known, decision, rows, verifying.nowMs);
  const { id, accountId, name, status } = known.domain;
  // What another pass has written meanwhile, that one tells.
  if (!saved || status === decision.status) return;
  const level = decision.lost ? 'warn' : 'info';
  const msg = decision.lost ? 'a domain is no longer verified' : `a domain is ${decision.status}`;
  const { reason } = decision;
  console.log(JSON.stringify({ level, msg, accountId, domainId: id, domain: name, reason }));
  if (decision.lost) await verifying.onLost({ accountId, name, reason, rows });
}
