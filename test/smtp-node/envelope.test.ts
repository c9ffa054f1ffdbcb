import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { envelopeOf } from '../../smtp-node/outbound/envelope.ts';

const read = (rcptTo: string, mailFrom = 'b-t@x.test') => envelopeOf({ mailFrom, rcptTo });

describe('the envelope', () => {
  const good: [string, string, string, boolean][] = [
    ['Ann@Example.TEST', 'Ann@example.test', 'example.test', false],
    ['ann@bücher.test', 'ann@xn--bcher-kva.test', 'xn--bcher-kva.test', false],
    ['zoë@bücher.test', 'zoë@bücher.test', 'xn--bcher-kva.test', true],
    ['"odd <one> @ home"@example.test', '"odd <one> @ home"@example.test', 'example.test', false],
    ['ann@[192.0.2.1]', 'ann@[192.0.2.1]', '[192.0.2.1]', false],
    // Not read as the address 1.0.0.2.
    ['ann@1.2', 'ann@1.2', '1.2', false],
  ];
  it.each(good)('of %s is told as %s', (rcptTo, spelled, domain, needsSmtpUtf8) => {
    expect(read(rcptTo)).toEqual({
      kind: 'envelope',
      envelope: { mailFrom: 'b-t@x.test', rcptTo: spelled, domain, needsSmtpUtf8 },
    });
  });

  it('may have the null sender', () => {
    expect(read('ann@example.test', '')).toMatchObject({ envelope: { mailFrom: '' } });
  });

  it.each([
    '',
    'ann',
    '@example.test',
    'ann@',
    'a b@c.test',
    'a>b@c.test',
    'a@b.test> SIZE=1',
    '"x"@y.test> Z="z"@c.test',
    'a\r\nb@c.test',
  ])('is malformed with %j', (address) => {
    expect(read(address).kind).toBe('malformed');
    if (address !== '') expect(read('ann@example.test', address).kind).toBe('malformed');
  });

  it('with a domain that has no A-label form is for no domain', () => {
    expect(read('ann@a\u{200e}ü\u{fffd}.test').kind).toBe('badDomain');
  });

  it('never breaks out of its command', () => {
    const part = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('<', '>', '\r\n', ' ', '"', 'ü', '\u0085'),
    );
    const address = fc
      .array(part, { maxLength: 4 })
      .map((parts) => `${parts.join('')}@${parts.at(-1) ?? 'x'}.test`);
    fc.assert(
      fc.property(address, address, (mailFrom, rcptTo) => {
        const result = envelopeOf({ mailFrom, rcptTo });
        if (result.kind !== 'envelope') return;
        for (const said of [result.envelope.mailFrom, result.envelope.rcptTo]) {
          expect(said).not.toMatch(/[\x00-\x1f\x7f]/);
          expect(said.replace(/^"(?:[^"\\]|\\.)*"(?=@)/, 'quoted')).not.toMatch(/[<>\s]/);
        }
      }),
    );
  });
});
