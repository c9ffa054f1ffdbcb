import { PassThrough } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatReply } from '#domain/failure/smtp-reply.ts';
import { parseExtensions } from '../../smtp-node/outbound/extensions.ts';
import { StepFailure } from '../../smtp-node/outbound/failures.ts';
import { ReplyReader } from '../../smtp-node/outbound/reply-reader.ts';

/** Everything that can be read of the chunks before the stream ends: replies, then how it ended. */
async function readAll(chunks: readonly Buffer[]): Promise<string[]> {
  const stream = new PassThrough();
  const reader = new ReplyReader(stream);
  for (const chunk of chunks) stream.write(chunk);
  stream.end();
  const read: string[] = [];
  for (;;) {
    try {
      read.push(formatReply(await reader.next('mail', 1000)));
    } catch (error) {
      if (!(error instanceof StepFailure)) throw error;
      return [...read, error.kind];
    }
  }
}

function cut(bytes: Buffer, at: readonly number[]): Buffer[] {
  const places = [0, ...at.map((n) => n % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return places.slice(1).map((to, i) => bytes.subarray(places[i], to));
}

describe('the reply reader', () => {
  it('reads the same replies however they are cut into packets', async () => {
    const bytes = Buffer.from(
      '220 hi\r\n250-a\r\n250-2.0.0 b\r\n250 ż\r\n354 go\n550 5.1.1 no\r\nbye\r\n250 x\r\n',
    );
    const expected = ['220 hi', '250 a 2.0.0 b ż', '354 go', '550 5.1.1 no', 'protocol'];
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(200), { maxLength: 10 }), async (at) => {
        expect(await readAll(cut(bytes, at))).toEqual(expected);
      }),
    );
  });

  it('ends with a failure on any bytes, and never with a reply that was not complete', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ minLength: 1, maxLength: 50 })), async (chunks) => {
        const read = await readAll(chunks.map((chunk) => Buffer.from(chunk)));
        expect(['network', 'protocol']).toContain(read.at(-1));
      }),
    );
    expect(await readAll([Buffer.from('250 2.0.0 cut o')])).toEqual(['network']);
    expect(await readAll([Buffer.from('250-more\r\n')])).toEqual(['network']);
  });

  it.each([
    ['a line', Buffer.alloc(20_000, 'x')],
    ['a reply', Buffer.from('250-x\r\n'.repeat(1000))],
  ])('gives up on %s without end', async (_what, bytes) => {
    expect(await readAll([bytes])).toEqual(['protocol']);
  });

  it('says that no reply came in time', async () => {
    const reader = new ReplyReader(new PassThrough());
    await expect(reader.next('rcpt', 20)).rejects.toMatchObject({ step: 'rcpt', code: 'ETIMEDOUT' });
  });
});

describe('the extensions of a peer', () => {
  it('are read whatever their case, and not from the greeting', () => {
    const lines = [
      'SMTPUTF8 STARTTLS is my name',
      'size 1000',
      'StartTLS',
      '8bitmime',
      'PIPELINING ',
      'X-OTHER',
      'requiretls',
      'auth plain Login',
    ];
    expect(parseExtensions(lines)).toEqual({
      auth: ['PLAIN', 'LOGIN'],
      startTls: true,
      pipelining: true,
      eightBitMime: true,
      smtpUtf8: false,
      requireTls: true,
      sizeLimit: 1000,
    });
  });

  it.each([
    ['SIZE', 0],
    ['SIZE 0', 0],
    ['SIZE lots', 0],
    ['SIZE -5', 0],
    ['SIZER 5', null],
  ])('have a limit of size only when one is told (%s)', (line, sizeLimit) => {
    expect(parseExtensions(['mx', line]).sizeLimit).toBe(sizeLimit);
  });
});
