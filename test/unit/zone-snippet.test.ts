import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { joinTxt } from '#domain/dns/dns.ts';
import { zoneSnippet } from '#domain/dns/zone-snippet.ts';

describe('the BIND snippet', () => {
  it('has absolute names and comments', () => {
    expect(
      zoneSnippet('example.com', [
        { type: 'TXT', name: '_dmarc.example.com', value: 'v=DMARC1; p=none', comment: 'policy' },
        { type: 'CNAME', name: 'pp.example.com', value: 'bounces.mail.test', comment: 'bounces' },
        { type: 'MX', name: 'example.com', value: '10 mx.mail.test', comment: 'there', off: true },
      ]),
    ).toBe(
      [
        '; DNS records of example.com for Pennypost',
        '; policy',
        '_dmarc.example.com. 3600 IN TXT "v=DMARC1; p=none"',
        '; bounces',
        'pp.example.com. 3600 IN CNAME bounces.mail.test.',
        '; there',
        '; example.com. 3600 IN MX 10 mx.mail.test.',
        '',
      ].join('\n'),
    );
  });

  it('cuts TXT into strings of at most 255 octets that join to the value', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary-ascii', maxLength: 1200 }), (value) => {
        const snippet = zoneSnippet('a.example', [
          { type: 'TXT', name: 'a.example', value, comment: 'x\ny' },
        ]);
        const lines = snippet.split('\n');
        expect(lines).toHaveLength(4);
        const data = (lines[2] ?? '').replace('a.example. 3600 IN TXT ', '');
        expect(joinTxt(data)).toBe(value);
        for (const [, text = ''] of data.matchAll(/"((?:[^"\\]|\\\d{3}|\\.)*)"/g)) {
          expect(text.replace(/\\(\d{3}|.)/g, 'x').length).toBeLessThanOrEqual(255);
        }
      }),
    );
  });
});
