import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dotStuffed } from '../../smtp-node/outbound/dot-stuffing.ts';
import { withCrlf } from '../../smtp-node/signing/line-ends.ts';

async function* chunksOf(chunks: readonly string[]): AsyncGenerator<Buffer> {
  for (const chunk of chunks) yield Buffer.from(chunk, 'latin1');
}

async function joined(source: AsyncIterable<Buffer>): Promise<string> {
  let text = '';
  for await (const chunk of source) text += chunk.toString('latin1');
  return text;
}

/** Text of the characters that matter, cut anywhere. */
const someChunks = fc.array(
  fc.array(fc.constantFrom('\r', '\n', '\r\n', '.', 'a'), { maxLength: 8 }).map((parts) => parts.join('')),
  { maxLength: 6 },
);

describe('line ends', () => {
  it('become CRLF, however the text is cut into chunks', async () => {
    await fc.assert(
      fc.asyncProperty(someChunks, async (chunks) => {
        const expected = chunks.join('').replace(/\r\n|\r|\n/g, '\r\n');
        expect(await joined(withCrlf(chunksOf(chunks)))).toBe(expected);
      }),
    );
  });

  it('that are CRLF already are passed on without a copy', async () => {
    const chunk = Buffer.from('a\r\nb\r\n');
    const source = (async function* () {
      yield chunk;
    })();
    for await (const passed of withCrlf(source)) expect(passed).toBe(chunk);
  });
});

describe('dots', () => {
  it('at the beginning of a line are doubled, and the last line is ended, however the text is cut', async () => {
    await fc.assert(
      fc.asyncProperty(someChunks, async (chunks) => {
        const text = chunks.join('').replace(/\r\n|\r|\n/g, '\r\n');
        const stuffed = await joined(dotStuffed(withCrlf(chunksOf(chunks))));
        expect(stuffed).toBe(
          text.replace(/^\./gm, '..') + (text === '' || text.endsWith('\n') ? '' : '\r\n'),
        );
        // Nothing but the final dot can end the data.
        expect(`\r\n${stuffed}.\r\n`.indexOf('\r\n.\r\n')).toBe(`\r\n${stuffed}`.length - 2);
      }),
    );
  });
});
