import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dkimFault, formatDkimRecord, parseDkimRecord } from '#domain/dns/dkim-record.ts';

const key = { algorithm: 'rsa-sha256', publicKey: 'MIIBIjANBg==' } as const;
const good = formatDkimRecord(key);

describe('a DKIM key record', () => {
  it.each([
    good,
    'p=MIIBIjANBg==',
    'v=DKIM1;k=rsa;p=MIIBIjANBg==;',
    ' v = DKIM1 ; k = RSA ; p = MIIB IjAN\tBg==',
    'v=DKIM1; h=sha1:sha256; s=email:other; t=y:s; n=notes; x=unknown; p=MIIBIjANBg==',
    'v=DKIM1; p=MIIBIjANBg',
    'k=rsa; s=*; p=MIIBIjANBg==; g=*',
  ])('of the form %j verifies our signatures', (text) => {
    expect(dkimFault(text, key)).toBeNull();
  });

  it.each([
    ['', 'not a tag'],
    ['hello', 'not a tag'],
    ['v=DKIM1; k=rsa', 'no "p"'],
    ['v=DKIM1; p=', 'revoked'],
    ['v=DKIM2; p=MIIBIjANBg==', '"v" tag'],
    ['k=rsa; v=DKIM1; p=MIIBIjANBg==', '"v" tag'],
    ['v=DKIM1; p=MIIBIjANBg==; p=MIIBIjANBg==', 'twice'],
    ['v=DKIM1; p="MIIBIjANBg=="', 'base64'],
    ['v=DKIM1; p=MIIBAAAA', 'another key'],
    ['v=DKIM1; p=miibijanbg==', 'another key'],
    ['v=DKIM1; k=ed25519; p=MIIBIjANBg==', 'ed25519'],
    ['v=DKIM1; h=sha1; p=MIIBIjANBg==', 'sha256'],
    ['v=DKIM1; s=tlsrpt; p=MIIBIjANBg==', 'email'],
    ['v=DKIM1;; p=MIIBIjANBg==', 'not a tag'],
  ])('of the form %j does not, and says why', (text, why) => {
    expect(dkimFault(text, key)).toContain(why);
  });

  it('never makes the parser throw', () => {
    const piece = fc.oneof(fc.string(), fc.constantFrom('v=DKIM1', ';', 'p=', 'k=rsa', ' ', '='));
    fc.assert(
      fc.property(fc.array(piece), (pieces) => {
        const parsed = parseDkimRecord(pieces.join(''));
        expect(typeof parsed === 'string' || typeof parsed.publicKey === 'string').toBe(true);
      }),
    );
  });

  it('that we write is one that we read', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('rsa-sha256' as const, 'ed25519-sha256' as const),
        fc.base64String({ minLength: 4 }),
        (algorithm, publicKey) => {
          expect(dkimFault(formatDkimRecord({ algorithm, publicKey }), { algorithm, publicKey })).toBeNull();
        },
      ),
    );
  });
});
