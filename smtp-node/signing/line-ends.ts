const cr = 0x0d;
const lf = 0x0a;
const crBytes = Buffer.from('\r');
const lfBytes = Buffer.from('\n');

/**
 * The same bytes with every bare CR or LF made CRLF. The edge keeps messages that way already; a stray one would
 * be read differently by different servers and could smuggle an end of data (RFC 5321 §2.3.8, §4.1.1.4). Signing
 * and sending both read through this, so they see the same bytes.
 */
export async function* withCrlf(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let afterCr = false;
  for await (const chunk of source) {
    if (chunk.length === 0) continue;
    const parts: Buffer[] = [];
    if (afterCr && chunk[0] !== lf) parts.push(lfBytes);
    let from = 0;
    let nextCr = chunk.indexOf(cr);
    let nextLf = chunk.indexOf(lf);
    while (nextCr >= 0 || nextLf >= 0) {
      if (nextCr >= 0 && nextCr + 1 === nextLf) {
        nextCr = chunk.indexOf(cr, nextLf + 1);
        nextLf = chunk.indexOf(lf, nextLf + 1);
      } else if (nextCr >= 0 && (nextLf < 0 || nextCr < nextLf)) {
        // A CR at the very end: the next chunk decides.
        if (nextCr + 1 < chunk.length) {
          parts.push(chunk.subarray(from, nextCr + 1), lfBytes);
          from = nextCr + 1;
        }
        nextCr = chunk.indexOf(cr, nextCr + 1);
      } else {
        if (!(nextLf === 0 && afterCr)) {
          parts.push(chunk.subarray(from, nextLf), crBytes);
          from = nextLf;
        }
        nextLf = chunk.indexOf(lf, nextLf + 1);
      }
    }
    afterCr = chunk[chunk.length - 1] === cr;
    if (parts.length === 0) yield chunk;
    else yield Buffer.concat([...parts, chunk.subarray(from)]);
  }
  if (afterCr) yield lfBytes;
}
