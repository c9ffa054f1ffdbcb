import { describe, expect, it } from 'vitest';
import { isSpent, keptPublishedMs, standbyMs } from '#domain/dns/delegated-dkim.ts';
import {
  type CheckRow,
  type DomainState,
  decideDomain,
  graceMs,
  type KeyState,
  nextRow,
  requirementsOf,
  retireAfterMs,
} from '#domain/dns/domain-state.ts';
import type { CheckStatus } from '#domain/dns/finding.ts';
import { type CheckKind, planChecks } from '#domain/dns/record-check.ts';

const now = Date.UTC(2026, 10, 21);
const minute = 60_000;
const day = 86_400_000;

const domain: DomainState = {
  name: 'a.example',
  type: 'outbound',
  status: 'pending',
  verifiedBy: null,
  dkimDomain: null,
  returnPathHost: null,
};
const key = (selector: string, status: KeyState['status'], more: Partial<KeyState> = {}): KeyState => ({
  selector,
  algorithm: selector.endsWith('-ed') ? 'ed25519-sha256' : 'rsa-sha256',
  publicKey: 'AAAA',
  createdAtMs: Number(/\d+/.exec(selector)?.[0] ?? 1),
  status,
  retireAtMs: null,
  ...more,
});
const first = [key('pennypost', 'pending'), key('pennypost-ed', 'pending')];

/** A row that has its status since `sinceMs`. */
function row(kind: CheckKind, status: CheckStatus, more: Partial<CheckRow> = {}): CheckRow {
  const proven = status !== 'ok' && status !== 'lookup_failed';
  return {
    kind,
    need: 'required',
    type: 'TXT',
    name:
      kind === 'dkim'
        ? 'pennypost._domainkey.a.example'
        : kind === 'dkim_ed25519'
          ? 'pennypost-ed._domainkey.a.example'
          : `${kind}.a.example`,
    expected: 'x',
    status,
    observed: [],
    fix: status === 'ok' ? null : `Mend ${kind}.`,
    foundAt: kind.startsWith('dkim') && status === 'ok' ? 'a.example' : null,
    sinceMs: now,
    badSinceMs: proven ? now : null,
    ...more,
  };
}
const rowsOf = (statuses: Partial<Record<CheckKind, CheckStatus>>, more: Partial<CheckRow> = {}) =>
  Object.entries(statuses).map(([kind, status]) =>
    row(kind as CheckKind, status, status === 'ok' ? {} : more),
  );
const decide = (rows: CheckRow[], of: Partial<DomainState> = {}, keys = first, at = now) =>
  decideDomain({ ...domain, ...of }, keys, rows, at);

describe('a pending domain', () => {
  it.each([
    ['the full set', { ownership: 'ok', spf: 'ok', dkim: 'ok', return_path: 'ok' }],
    ['ownership, SPF and DKIM', { ownership: 'ok', spf: 'ok', dkim: 'ok', return_path: 'missing' }],
    [
      'just the CNAME and one DKIM TXT',
      { ownership: 'missing', spf: 'missing', dkim: 'ok', return_path: 'ok' },
    ],
    [
      'the CNAME, DKIM and a failing root',
      { ownership: 'lookup_failed', spf: 'lookup_failed', dkim: 'ok', return_path: 'ok' },
    ],
  ] as const)('is verified by %s', (_, statuses) => {
    expect(decide(rowsOf(statuses))).toMatchObject({ status: 'verified', verifiedBy: 'dns', reason: null });
  });

  it.each([
    [
      'ownership',
      { ownership: 'missing', spf: 'ok', dkim: 'missing' },
      'its ownership is not verified (missing); its DKIM key is not verified (missing).',
    ],
    ['SPF', { ownership: 'ok', spf: 'wrong', dkim: 'ok' }, 'its SPF is not verified (wrong).'],
    [
      'a DKIM key',
      { ownership: 'ok', spf: 'ok', dkim: 'wrong', dkim_ed25519: 'ok' },
      'its DKIM key is not verified (wrong).',
    ],
    [
      'an answer of DNS',
      { ownership: 'ok', spf: 'lookup_failed', dkim: 'ok' },
      'its SPF is not verified (lookup_failed).',
    ],
  ] as const)('stays pending without %s, and says so', (_, statuses, reason) => {
    expect(decide(rowsOf(statuses))).toMatchObject({
      status: 'pending',
      reason,
      nextCheckMs: now + 15 * minute,
    });
  });

  it('of type inbound needs ownership and MX, and no SPF', () => {
    expect(decide(rowsOf({ ownership: 'ok', mx: 'ok' }), { type: 'inbound' }, []).status).toBe('verified');
    expect(decide(rowsOf({ ownership: 'ok', mx: 'wrong' }), { type: 'inbound' }, []).status).toBe('pending');
  });

  it('of type both may send before its MX is there', () => {
    const rows = rowsOf({ ownership: 'ok', spf: 'ok', dkim: 'ok', mx: 'missing' });
    expect(decide(rows, { type: 'both' }).status).toBe('verified');
    expect(requirementsOf('both', rows).find(({ name }) => name === 'mx')?.state).toBe('bad');
  });

  it('is not verified by having no checks at all', () => {
    expect(decide([])).toMatchObject({ status: 'pending' });
  });
});

describe('a verified domain', () => {
  const verified = { status: 'verified', verifiedBy: 'dns' } as const;
  const active = [key('pennypost', 'active')];

  it('survives failed lookups for ever', () => {
    const rows = rowsOf({ ownership: 'lookup_failed', spf: 'lookup_failed', dkim: 'lookup_failed' });
    expect(decide(rows, verified, active, now + 100 * day)).toMatchObject({
      status: 'verified',
      lost: false,
      keys: active,
    });
  });

  it('survives a missing record for three days, and not longer', () => {
    const rows = rowsOf({ ownership: 'ok', spf: 'missing', dkim: 'ok' });
    expect(decide(rows, verified, active, now + graceMs - 1)).toMatchObject({
      status: 'verified',
      lost: false,
    });
    expect(decide(rows, verified, active, now + graceMs)).toMatchObject({
      status: 'pending',
      lost: true,
      reason: 'its SPF is not verified (missing).',
    });
  });

  it('stays as long as one of two ways is right', () => {
    const rows = [
      ...rowsOf({ ownership: 'ok', dkim: 'ok', return_path: 'ok' }),
      row('spf', 'missing', { badSinceMs: 0 }),
    ];
    expect(decide(rows, verified, active, now + 100 * day).status).toBe('verified');
  });

  it('counts from when the last way was lost', () => {
    const rows = [
      ...rowsOf({ ownership: 'ok', dkim: 'ok' }),
      row('spf', 'missing', { badSinceMs: now - 30 * day }),
      row('return_path', 'missing', { badSinceMs: now - day }),
    ];
    expect(decide(rows, verified, active).status).toBe('verified');
    expect(decide(rows, verified, active, now + 2 * day).status).toBe('pending');
  });

  it('stays when the operator says so', () => {
    const rows = rowsOf({ ownership: 'missing', spf: 'missing', dkim: 'missing' });
    const host = { verifiedBy: 'operator', status: 'verified', returnPathHost: 'x.a.example' } as const;
    expect(decide(rows, host, active, now + 100 * day)).toMatchObject({
      ...host,
      keys: active,
      nextCheckMs: null,
    });
  });

  it('that the operator vouches for is looked at while its keys change', () => {
    const operator = { status: 'verified', verifiedBy: 'operator' } as const;
    const rows = rowsOf({ dkim: 'missing' });
    expect(decide(rows, operator, [...active, key('pennypost2', 'pending')]).nextCheckMs).toBe(
      now + 15 * minute,
    );
    const retiring = [key('pennypost', 'active', { retireAtMs: now + 3 * day }), key('pennypost2', 'active')];
    expect(decide(rows, operator, retiring).nextCheckMs).toBe(now + day);
  });

  it('is looked at daily, and every quarter of an hour while a new key waits', () => {
    const rows = rowsOf({ ownership: 'ok', spf: 'ok', dkim: 'ok' });
    expect(decide(rows, verified, active).nextCheckMs).toBe(now + day);
    expect(decide(rows, verified, [...active, key('pennypost2', 'pending')]).nextCheckMs).toBe(
      now + 15 * minute,
    );
    expect(decide(rows, verified, [...active, key('pennypost-ed', 'pending')]).nextCheckMs).toBe(now + day);
  });
});

describe('the return path', () => {
  const settled = { status: 'verified', verifiedBy: 'dns', returnPathHost: 'old.a.example' } as const;
  it.each([
    ['ok', 'return_path.a.example'],
    ['missing', null],
    ['wrong', null],
    ['lookup_failed', 'old.a.example'],
  ] as const)('with a CNAME that is %s is %s', (status, host) => {
    expect(
      decide(rowsOf({ ownership: 'ok', spf: 'ok', dkim: 'ok', return_path: status }), settled).returnPathHost,
    ).toBe(host);
  });
});

describe('DKIM keys', () => {
  const all = { ownership: 'ok', spf: 'ok' } as const;
  const statuses = (keys: KeyState[]) =>
    Object.fromEntries(keys.map(({ selector, status }) => [selector, status]));
  const second = (status: CheckStatus) =>
    row('dkim', status, {
      name: 'pennypost2._domainkey.a.example',
      foundAt: status === 'ok' ? 'a.example' : null,
    });

  it('sign once they are found, each by itself', () => {
    const { keys } = decide(rowsOf({ ...all, dkim: 'ok', dkim_ed25519: 'missing' }));
    expect(statuses(keys)).toEqual({ pennypost: 'active', 'pennypost-ed': 'pending' });
    const both = decide(rowsOf({ ...all, dkim: 'ok', dkim_ed25519: 'ok' }));
    expect(statuses(both.keys)).toEqual({ pennypost: 'active', 'pennypost-ed': 'active' });
  });

  it('do not sign at a place where the RSA key is not', () => {
    const rows = [...rowsOf({ ...all, dkim: 'ok' }), row('dkim_ed25519', 'ok', { foundAt: 'example' })];
    expect(statuses(decide(rows).keys)).toEqual({ pennypost: 'active', 'pennypost-ed': 'pending' });
  });

  it('at the parent make it the signing domain, until they are at the domain itself', () => {
    const atParent = [...rowsOf(all), row('dkim', 'ok', { foundAt: 'example' })];
    expect(decide(atParent)).toMatchObject({ status: 'verified', dkimDomain: 'example' });
    expect(decide(rowsOf({ ...all, dkim: 'ok' }), { dkimDomain: 'example' }).dkimDomain).toBeNull();
    expect(decide(rowsOf({ ...all, dkim: 'lookup_failed' }), { dkimDomain: 'example' }).dkimDomain).toBe(
      'example',
    );
  });

  it('rotate without a gap: both sign for seven days, then the old one retires', () => {
    const old = [key('pennypost', 'active'), key('pennypost-ed', 'pending')];
    const rotating = [...old, key('pennypost2', 'pending'), key('pennypost2-ed', 'pending')];
    const verified = { status: 'verified', verifiedBy: 'dns' } as const;
    const before = [...rowsOf({ ...all, dkim: 'ok' }), second('missing')];
    expect(statuses(decide(before, verified, rotating).keys)).toMatchObject({
      pennypost: 'active',
      pennypost2: 'pending',
    });
    const published = [...rowsOf({ ...all, dkim: 'ok' }), second('ok')];
    const after = decide(published, verified, rotating);
    expect(statuses(after.keys)).toEqual({
      pennypost: 'active',
      'pennypost-ed': 'retired',
      pennypost2: 'active',
      'pennypost2-ed': 'pending',
    });
    expect(after.keys[0]?.retireAtMs).toBe(now + retireAfterMs);
    const nearly = decide(published, verified, after.keys, now + retireAfterMs - 1);
    expect(nearly.keys).toEqual(after.keys);
    const over = decide(published, verified, after.keys, now + retireAfterMs);
    expect(statuses(over.keys)).toMatchObject({ pennypost: 'retired', pennypost2: 'active' });
  });

  it('of Ed25519 stay when an RSA key alone is replaced, and retire for a newer of their kind', () => {
    const verified = { status: 'verified', verifiedBy: 'dns' } as const;
    const rows = [...rowsOf({ ...all, dkim: 'ok', dkim_ed25519: 'ok' }), second('ok')];
    const keys = [key('pennypost', 'active'), key('pennypost-ed', 'active'), key('pennypost2', 'pending')];
    const after = decide(rows, verified, keys).keys;
    expect(statuses(after)).toEqual({ pennypost: 'active', 'pennypost-ed': 'active', pennypost2: 'active' });
    expect(after.map(({ retireAtMs }) => retireAtMs)).toEqual([now + retireAfterMs, null, null]);
    const published = [...rows, row('dkim_ed25519', 'ok', { name: 'pennypost3-ed._domainkey.a.example' })];
    const replaced = decide(published, verified, [...after, key('pennypost3-ed', 'pending')]).keys;
    expect(replaced[1]?.retireAtMs).toBe(now + retireAfterMs);
  });

  it('that are delegated begin one by one, stand by without haste, and take over when they are old enough', () => {
    const delegated = (
      selector: string,
      status: KeyState['status'],
      createdAtMs: number,
      retireAtMs?: number,
    ) =>
      key(selector, status, { target: `${selector}.t.example`, createdAtMs, retireAtMs: retireAtMs ?? null });
    const rows = [
      ...rowsOf({ ...all }),
      ...['m-s1', 'm-s2'].map((selector) => row('dkim', 'ok', { name: `${selector}._domainkey.a.example` })),
    ];
    const verified = { status: 'verified', verifiedBy: 'dns' } as const;
    const both = [delegated('m-s1', 'pending', now), delegated('m-s2', 'pending', now + 1)];
    const begun = decide(rows, verified, both);
    expect(statuses(begun.keys)).toEqual({ 'm-s1': 'active', 'm-s2': 'pending' });
    expect(begun.nextCheckMs).toBe(now + 86_400_000);
    expect(statuses(decide(rows, verified, begun.keys, now + standbyMs).keys)['m-s2']).toBe('pending');
    const over = decide(rows, verified, begun.keys, now + 1 + standbyMs).keys;
    expect(over.map(({ status, retireAtMs }) => [status, retireAtMs])).toEqual([
      ['active', now + 1 + standbyMs + retireAfterMs],
      ['active', null],
    ]);
    const later = now + standbyMs + 1 + retireAfterMs;
    const ended = decide(rows, verified, over, later).keys;
    expect(statuses(ended)).toEqual({ 'm-s1': 'retired', 'm-s2': 'active' });
    const [old] = ended as [KeyState];
    expect([isSpent(old, later + keptPublishedMs - 1), isSpent(old, later + keptPublishedMs)]).toEqual([
      false,
      true,
    ]);
    const standby = [delegated('m-s1', 'pending', later), delegated('m-s2', 'active', now)];
    expect(statuses(decide(rows, verified, standby, later + standbyMs - 1).keys)['m-s1']).toBe('pending');
    const unseen = rows.filter(({ name }) => !name.startsWith('m-s1'));
    expect(statuses(decide(unseen, verified, standby, later + standbyMs).keys)['m-s1']).toBe('pending');
  });

  it('do not retire while the new one cannot be found', () => {
    const keys = [key('pennypost', 'active', { retireAtMs: now }), key('pennypost2', 'active')];
    for (const status of ['missing', 'lookup_failed', 'wrong'] as const) {
      const rows = [...rowsOf({ ...all, dkim: 'ok' }), second(status)];
      expect(decide(rows, { status: 'verified', verifiedBy: 'dns' }, keys).keys[0]).toMatchObject({
        status: 'active',
        retireAtMs: now,
      });
    }
  });

  it('stop signing when they are missing for three days, but never the last RSA key', () => {
    const verified = { status: 'verified', verifiedBy: 'dns' } as const;
    const keys = [key('pennypost', 'active'), key('pennypost-ed', 'active')];
    const rows = rowsOf({ ...all, dkim: 'ok', dkim_ed25519: 'missing' });
    expect(statuses(decide(rows, verified, keys, now + graceMs - 1).keys)).toMatchObject({
      'pennypost-ed': 'active',
    });
    expect(statuses(decide(rows, verified, keys, now + graceMs).keys)).toMatchObject({
      'pennypost-ed': 'pending',
    });
    const lost = decide(
      rowsOf({ ...all, dkim: 'missing' }),
      verified,
      [key('pennypost', 'active')],
      now + graceMs,
    );
    expect(lost).toMatchObject({ status: 'pending', lost: true, keys: [{ status: 'active' }] });
  });
});

describe('the row of a check', () => {
  const [planned] = planChecks({
    name: 'a.example',
    type: 'outbound',
    token: 't',
    returnPathLabel: 'pp-bounces',
    linkLabel: null,
    serviceDomain: 'mail.test',
    reportToken: null,
    keys: [],
  });
  if (!planned) throw new Error('no check');
  const found = (status: CheckStatus) => ({ status, observed: [], fix: null, foundAt: null });
  const rowAfter = (...statuses: CheckStatus[]) =>
    statuses.reduce<CheckRow | undefined>(
      (before, status, i) => nextRow(planned, found(status), before, now + i),
      undefined,
    );

  it('keeps since when it has its status', () => {
    expect(rowAfter('missing', 'missing', 'missing')).toMatchObject({ sinceMs: now, badSinceMs: now });
    expect(rowAfter('missing', 'wrong')).toMatchObject({ sinceMs: now + 1, badSinceMs: now });
    expect(rowAfter('missing', 'ok', 'missing')).toMatchObject({ sinceMs: now + 2, badSinceMs: now + 2 });
  });

  it('does not count a failed lookup as proof, nor let it end the count', () => {
    expect(rowAfter('ok', 'lookup_failed')).toMatchObject({ badSinceMs: null });
    expect(rowAfter('missing', 'lookup_failed', 'missing')).toMatchObject({
      badSinceMs: now,
      sinceMs: now + 2,
    });
  });

  it('begins anew when another value is expected', () => {
    const missing = rowAfter('missing');
    const before = missing && { ...missing, expected: 'another' };
    expect(nextRow(planned, found('missing'), before, now + day)).toMatchObject({ badSinceMs: now + day });
  });
});
