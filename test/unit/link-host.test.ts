import { describe, expect, it } from 'vitest';
import { type LinkState, linkLabelFault, nextLinkCheck } from '#domain/dns/link-host.ts';
import { standingOf } from '../../worker/dns/custom-hostname.ts';

describe('how a custom hostname stands', () => {
  const errors = (...messages: string[]) => messages.map((message) => ({ message }));

  it.each([
    ['both active', { status: 'active', ssl: { status: 'active' } }, 'active', null],
    [
      'active beside an old error',
      { status: 'active', ssl: { status: 'active', validation_errors: errors('old') } },
      'active',
      null,
    ],
    ['new', { status: 'pending', ssl: { status: 'initializing' } }, 'pending', null],
    ['without its certificate', { status: 'active', ssl: { status: 'pending_validation' } }, 'pending', null],
    ['of the certificate alone', { status: 'pending', ssl: { status: 'active' } }, 'pending', null],
    ['of which nothing is told', {}, 'pending', null],
    ['with fields that are null', { status: null, ssl: null, verification_errors: null }, 'pending', null],
    [
      'that does not lead to the zone',
      {
        status: 'pending',
        verification_errors: ['custom hostname does not CNAME to this zone.'],
        ssl: { status: 'pending_validation' },
      },
      'failed',
      'custom hostname does not CNAME to this zone.',
    ],
    [
      'whose validation failed',
      {
        status: 'pending',
        ssl: { status: 'pending_validation', validation_errors: errors('caa_error', '') },
      },
      'failed',
      'caa_error',
    ],
    [
      'that took too long',
      { status: 'pending', ssl: { status: 'issuance_timed_out' } },
      'failed',
      'its certificate is issuance_timed_out',
    ],
    ['that moved', { status: 'moved', ssl: { status: 'active' } }, 'failed', 'its status is moved'],
  ])('%s', (_, told, state, fault) => {
    expect(standingOf(told)).toEqual({ state, fault });
  });
});

describe('a link host', () => {
  const of = { name: 'shop.example', returnPathLabel: 'pp-bounces', serviceDomain: 'mail.test' };

  it.each([
    [null, of, null],
    ['links', of, null],
    ['pp-bounces', of, 'differ from the label of the return path'],
    ['links', { ...of, name: 'mail.test' }, 'is the name that link hosts lead to'],
    ['go', { ...of, name: 'mail.test' }, null],
  ])('with the label %j of %o', (label, domain, fault) => {
    const found = linkLabelFault(label, domain);
    if (fault === null) expect(found).toBeNull();
    else expect(found).toContain(fault);
  });

  it('is looked at soon while its certificate is on its way, and daily else', () => {
    const [minute, day] = [60_000, 86_400_000];
    const next = (state: LinkState, foundMs: number | null, otherwiseMs: number | null, nowMs = 0) =>
      nextLinkCheck(otherwiseMs, { state, fault: null }, { foundMs, nowMs });
    expect(next('pending', 0, day)).toBe(15 * minute);
    expect(next('pending', 0, minute)).toBe(minute);
    expect(next('pending', 0, null, 3 * day)).toBe(4 * day);
    expect(next('pending', null, null)).toBe(day);
    expect(next('active', 0, null)).toBe(day);
    expect(next('failed', 0, 2 * day)).toBe(day);
  });
});
