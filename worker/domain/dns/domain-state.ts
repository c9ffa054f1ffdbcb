import { beginning, hasSigner } from './delegated-dkim.ts';
import type { CheckStatus, Finding } from './finding.ts';
import type { CheckKind, DomainType, PlannedCheck, SubjectKey } from './record-check.ts';

/**
 * What follows from the records that were found: the state of a domain and of its keys. Pure: rows and times in,
 * decisions out.
 */

/** How long a record must be proven missing before a verified domain is turned off. */
export const graceMs = 3 * 86_400_000;
/** How long the old keys go on signing beside new ones. */
export const retireAfterMs = 7 * 86_400_000;
const pendingEveryMs = 15 * 60_000;
const verifiedEveryMs = 86_400_000;

/** One check of a domain as it is kept. */
export interface CheckRow {
  kind: CheckKind;
  need: 'required' | 'recommended' | 'optional';
  type: 'TXT' | 'CNAME' | 'MX';
  name: string;
  expected: string;
  status: CheckStatus;
  observed: string[];
  fix: string | null;
  foundAt: string | null;
  /** Since when it has this status. */
  sinceMs: number;
  /** Since when it is proven to be not right; null while it is right. Failed lookups leave it alone. */
  badSinceMs: number | null;
}

/** The row that a finding makes of the one before. */
export function nextRow(
  planned: PlannedCheck,
  found: Finding,
  before: CheckRow | undefined,
  nowMs: number,
): CheckRow {
  const failed = found.status === 'lookup_failed';
  const known = before?.expected === planned.wanted.value ? before : undefined;
  return {
    kind: planned.kind,
    need: planned.need,
    type: planned.wanted.type,
    name: planned.wanted.name,
    expected: planned.wanted.value,
    status: found.status,
    observed: found.observed.slice(0, 20).map((text) => text.slice(0, 2048)),
    fix: found.fix,
    foundAt: failed ? (known?.foundAt ?? null) : found.foundAt,
    sinceMs: known?.status === found.status ? known.sinceMs : nowMs,
    badSinceMs:
      found.status === 'ok' ? null : failed ? (known?.badSinceMs ?? null) : (known?.badSinceMs ?? nowMs),
  };
}

/** What a domain needs, and which checks can each give it: two records are enough. */
const requirements = [
  {
    name: 'ownership',
    text: 'its ownership is not verified',
    types: ['outbound', 'inbound', 'both', 'alias'],
    // A DKIM record with this account's own key proves as much as the TXT does.
    anyOf: ['ownership', 'dkim', 'dkim_ed25519'],
  },
  {
    name: 'spf',
    text: 'its SPF is not verified',
    types: ['outbound', 'both', 'alias'],
    // SPF is judged on the envelope's domain, and that is the return-path host when there is one.
    anyOf: ['spf', 'return_path'],
  },
  {
    name: 'dkim',
    text: 'its DKIM key is not verified',
    types: ['outbound', 'both', 'alias'],
    anyOf: ['dkim'],
  },
  { name: 'mx', text: 'its MX is not verified', types: ['inbound', 'both', 'alias'], anyOf: ['mx'] },
] as const satisfies readonly {
  name: string;
  text: string;
  types: readonly DomainType[];
  anyOf: readonly CheckKind[];
}[];
export type RequirementName = (typeof requirements)[number]['name'];

export interface RequirementState {
  name: RequirementName;
  state: 'ok' | 'unknown' | 'bad';
  /** Since when it is proven bad. */
  sinceMs: number | null;
  /** What is not verified, in short, as a refusal names it. */
  fault: string;
  /** The same with the exact fix. */
  text: string;
}

/** What the domain needs and has. */
export function requirementsOf(type: DomainType, rows: readonly CheckRow[]): RequirementState[] {
  return requirements
    .filter((requirement) => (requirement.types as readonly DomainType[]).includes(type))
    .map(({ name, text, anyOf }) => {
      const own = rows.filter((row) => (anyOf as readonly CheckKind[]).includes(row.kind));
      const fix = own.find((row) => row.status !== 'ok' && row.fix)?.fix;
      const state = own.some((row) => row.status === 'ok')
        ? 'ok'
        : own.length === 0 || own.some((row) => row.status === 'lookup_failed')
          ? 'unknown'
          : 'bad';
      const since = own.map((row) => row.badSinceMs ?? Number.POSITIVE_INFINITY);
      return {
        name,
        state,
        sinceMs: state === 'bad' ? Math.max(...since) : null,
        fault: `${text} (${own[0]?.status ?? 'not looked at yet'})`,
        text: fix ? `${text}. ${fix}` : text,
      };
    });
}

export interface KeyState extends SubjectKey {
  createdAtMs: number;
  status: 'pending' | 'active' | 'retired';
  /** When it stops signing; null: not planned. */
  retireAtMs: number | null;
}

export interface DomainState {
  name: string;
  type: DomainType;
  status: 'pending' | 'verified' | 'disabled';
  /** Who says that it is verified; what an operator says stands. */
  verifiedBy: 'dns' | 'operator' | null;
  /** `d=` of its signatures when that is not the domain itself. */
  dkimDomain: string | null;
  returnPathHost: string | null;
}

export interface DomainDecision {
  status: DomainState['status'];
  verifiedBy: DomainState['verifiedBy'];
  /** Why it may not send or receive; null when it may. */
  reason: string | null;
  /** It was verified and is so no longer. */
  lost: boolean;
  dkimDomain: string | null;
  returnPathHost: string | null;
  keys: KeyState[];
  nextCheckMs: number | null;
}

/**
 * Decides from the rows of a pass. A pending domain becomes verified when all it needs is there; a verified one
 * stays so until something it needs is proven missing for `graceMs`. A missing MX does not keep a domain of type
 * `both` from sending.
 */
export function decideDomain(
  domain: DomainState,
  keys: readonly KeyState[],
  rows: readonly CheckRow[],
  nowMs: number,
): DomainDecision {
  const states = requirementsOf(domain.type, rows);
  const deciding = states.filter(({ name }) => domain.type !== 'both' || name !== 'mx');
  const byOperator = domain.verifiedBy === 'operator';
  const fails = ({ state, sinceMs }: RequirementState) =>
    domain.status === 'verified'
      ? state === 'bad' && sinceMs !== null && nowMs - sinceMs >= graceMs
      : state !== 'ok';
  const failing = deciding.filter(fails);
  const stands = byOperator || failing.length === 0;
  const status = domain.status === 'disabled' ? 'disabled' : stands ? 'verified' : 'pending';
  const dkimDomain = signingPlace(domain, rows);
  const nextKeys = decideKeys(keys, rows, { place: dkimDomain ?? domain.name, byOperator, nowMs });
  const lacking = states.some(({ state }) => state !== 'ok');
  return {
    status,
    verifiedBy: status !== 'verified' ? null : byOperator ? 'operator' : 'dns',
    reason: stands ? null : `${failing.map(({ fault }) => fault).join('; ')}.`,
    lost: domain.status === 'verified' && status === 'pending',
    dkimDomain,
    returnPathHost: byOperator ? domain.returnPathHost : returnPathHost(domain, rows),
    keys: nextKeys,
    nextCheckMs:
      status === 'disabled' ? null : nextCheck({ status, byOperator, lacking }, nextKeys, rows, nowMs),
  };
}

/** The aligned place where the RSA key is: the domain itself before its parent; what was, when nothing is found. */
function signingPlace(domain: DomainState, rows: readonly CheckRow[]): string | null {
  const places = rows.filter((row) => row.kind === 'dkim' && row.status === 'ok').map((row) => row.foundAt);
  if (places.length === 0) return domain.dkimDomain;
  return places.includes(domain.name) ? null : (places[0] ?? null);
}

function returnPathHost(domain: DomainState, rows: readonly CheckRow[]): string | null {
  const row = rows.find(({ kind }) => kind === 'return_path');
  if (!row) return null;
  if (row.status === 'lookup_failed') return domain.returnPathHost;
  return row.status === 'ok' ? row.name : null;
}

function nextCheck(
  of: { status: DomainState['status']; byOperator: boolean; lacking: boolean },
  keys: readonly KeyState[],
  rows: readonly CheckRow[],
  nowMs: number,
): number | null {
  const standsBy = ({ target }: KeyState) => Boolean(target) && hasSigner(keys);
  const rotating = keys.some(
    (key) => key.status === 'pending' && key.algorithm === 'rsa-sha256' && !standsBy(key),
  );
  const retirements = keys.flatMap((key) => (key.status === 'active' ? (key.retireAtMs ?? []) : []));
  // Of a domain that the operator vouches for only the keys are of interest, while they change.
  if (of.byOperator && !rotating && retirements.length === 0) return null;
  // With something proven missing a verified domain is looked at daily all the same; only a mere failure is hasty.
  const failed = rows.some((row) => row.need === 'required' && row.status === 'lookup_failed');
  const soon = of.status === 'pending' || rotating || (of.lacking && failed);
  const later = nowMs + (soon ? pendingEveryMs : verifiedEveryMs);
  return Math.max(nowMs + pendingEveryMs, Math.min(later, ...retirements));
}

/**
 * Keys sign once they are found in DNS. When a newer RSA key signs, the older ones go on for `retireAfterMs` and then
 * retire, an Ed25519 key only where a newer one takes its place; there is always an RSA key that signs, once there was one.
 */
export function decideKeys(
  keys: readonly KeyState[],
  rows: readonly CheckRow[],
  of: { place: string; byOperator: boolean; nowMs: number },
): KeyState[] {
  const rowOf = (key: KeyState) => rows.find((row) => row.name.startsWith(`${key.selector}._domainkey.`));
  const found = (key: KeyState) => rowOf(key)?.status === 'ok' && rowOf(key)?.foundAt === of.place;
  const isRsa = (key: KeyState) => key.algorithm === 'rsa-sha256';
  const lostLongAgo = (key: KeyState) => {
    const since = rowOf(key)?.badSinceMs ?? null;
    const proven = rowOf(key)?.status !== 'ok' && rowOf(key)?.status !== 'lookup_failed';
    return proven && since !== null && of.nowMs - since >= graceMs && !of.byOperator;
  };
  const next = beginning(keys, found, of.nowMs);
  const active = next.filter((key) => key.status === 'active' && isRsa(key));
  const newerThan = (key: KeyState, some: readonly KeyState[]) =>
    some.some(({ createdAtMs }) => createdAtMs > key.createdAtMs);
  const successors = next.filter((key) => key.status !== 'retired' && !isRsa(key));
  const successorsActive = successors.filter((key) => key.status === 'active');
  return next.map((key): KeyState => {
    const older = isRsa(key)
      ? newerThan(key, active)
      : newerThan(key, successorsActive) || (newerThan(key, active) && newerThan(key, successors));
    if (older && key.status === 'pending') return { ...key, status: 'retired' };
    if (key.status !== 'active') return key;
    const over = key.retireAtMs !== null && key.retireAtMs <= of.nowMs;
    if (over && newerThan(key, isRsa(key) ? active.filter(found) : next))
      return { ...key, status: 'retired' };
    const retireAtMs = older ? (key.retireAtMs ?? of.nowMs + retireAfterMs) : null;
    const replaceable = !isRsa(key) || active.some((other) => other !== key && found(other));
    if (lostLongAgo(key) && replaceable) return { ...key, retireAtMs, status: older ? 'retired' : 'pending' };
    return { ...key, retireAtMs };
  });
}
