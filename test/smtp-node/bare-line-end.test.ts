import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BareLineEndScan } from '../../smtp-node/submission/bare-line-end.ts';

/** The same said as a pattern over the whole text, with the CRLF of the DATA command before it. */
function hasBareDotLine(text: string): boolean {
  const whole = `\r\n${text}`;
  for (const match of whole.matchAll(/(?=(\r\n|\r|\n)\.(\r\n|\r|\n))/g)) {
    const [, before = '', after = ''] = match;
    // a CRLF is seen a second time, from its LF
    if (before === '\n' && whole[match.index - 1] === '\r') continue;
    if (before !== '\r\n' || after !== '\r\n') return true;
  }
  return false;
}

const text = fc.string({ unit: fc.constantFrom('\r', '\n', '.', 'x'), maxLength: 12 });

describe('scan for bare line ends around a dot', () => {
  it('says the same as the pattern, however the text is cut into chunks', () => {
    fc.assert(
      fc.property(fc.array(text, { maxLength: 4 }), (chunks) => {
        // a message ends with the CRLF before its final dot
        const all = [...chunks, '\r\n'];
        const scan = new BareLineEndScan();
        const found = all.map((chunk) => scan.push(Buffer.from(chunk))).includes(true);
        expect(found).toBe(hasBareDotLine(all.join('')));
      }),
      { numRuns: 5000 },
    );
  });

  it('lets a line with a dot between two CRLF pass, and bare line ends elsewhere', () => {
    const scan = new BareLineEndScan();
    expect(scan.push(Buffer.from('a\r\n.\r\nb\n\n..\n.x\r\r\n'))).toBe(false);
  });
});
