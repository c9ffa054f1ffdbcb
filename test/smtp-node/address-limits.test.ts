import { describe, expect, it } from 'vitest';
import { AddressLimits } from '../../smtp-node/submission/address-limits.ts';

describe('limits of a client address', () => {
  it('counts open connections, and no others', () => {
    const limits = new AddressLimits({ connections: 2, failedLogins: 1 });
    expect([1, 2, 3].map(() => limits.connect('192.0.2.1'))).toEqual([true, true, false]);
    expect(limits.connect('192.0.2.2')).toBe(true);
    limits.disconnect('192.0.2.1');
    expect(limits.connect('192.0.2.1')).toBe(true);
  });

  it('takes an IPv6 /64 for one address', () => {
    const limits = new AddressLimits({ connections: 1, failedLogins: 1 });
    expect(limits.connect('2001:db8::1')).toBe(true);
    expect(limits.connect('2001:db8:0:0:ffff::2')).toBe(false);
    expect(limits.connect('2001:db8:0:1::1')).toBe(true);
    expect(limits.connect('::1')).toBe(true);
  });

  it('forgets failed logins after a quarter of an hour', () => {
    let nowMs = 0;
    const limits = new AddressLimits({ connections: 1, failedLogins: 2, now: () => nowMs });
    limits.loginFailed('192.0.2.1');
    expect(limits.failsOften('192.0.2.1')).toBe(false);
    limits.loginFailed('192.0.2.1');
    expect(limits.failsOften('192.0.2.1')).toBe(true);
    expect(limits.failsOften('192.0.2.2')).toBe(false);
    nowMs = 15 * 60_000;
    expect(limits.failsOften('192.0.2.1')).toBe(false);
  });
});
