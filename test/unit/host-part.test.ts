import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hostPart, likelyZone } from '#domain/dns/host-part.ts';

describe('the part of a name that a DNS provider asks for', () => {
  it.each([
    ['example.com', 'pennypost._domainkey.example.com', 'pennypost._domainkey'],
    ['example.com', 'example.com', '@'],
    ['mail.example.com', 'pennypost._domainkey.mail.example.com', 'pennypost._domainkey.mail'],
    ['mail.example.com', 'mail.example.com', 'mail'],
    ['example.co.uk', '_dmarc.example.co.uk', '_dmarc'],
    ['shop.example.com.au', '_dmarc.shop.example.com.au', '_dmarc.shop'],
    ['co.uk', 'co.uk', '@'],
    ['com.de', '_dmarc.com.de', '_dmarc'],
    ['xn--bcher-kva.example', 'pp-bounces.xn--bcher-kva.example', 'pp-bounces'],
    ['localhost', '_dmarc.localhost', '_dmarc'],
  ])('of %s: %s is %s', (domain, name, part) => {
    expect(hostPart(name, likelyZone(domain))).toBe(part);
  });

  it('gives the name again with the zone behind it', () => {
    const label = fc.stringMatching(/^[a-z]{1,8}$/);
    fc.assert(
      fc.property(fc.array(label, { minLength: 1, maxLength: 6 }), label, (labels, host) => {
        const domain = labels.join('.');
        const zone = likelyZone(domain);
        expect(`.${domain}`.endsWith(`.${zone}`)).toBe(true);
        const part = hostPart(`${host}.${domain}`, zone);
        expect(`${part}.${zone}`).toBe(`${host}.${domain}`);
      }),
    );
  });
});
