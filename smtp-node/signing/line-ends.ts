const cr = 0x0d;
const lf = 0x0a;
const crBytes = Buffer.from('\r');
const lfBytes = Buffer.from('\n');
const nothing = Buffer.alloc(0);

/**
 * The same bytes with every bare CR or LF made CRLF, fed in pieces. The edge keeps messages that way already; a stray one
 * would be read differently by different servers and could smuggle an end of data (RFC 5321 §2.3.8, §4.1.1.4). Signing
 * and sending both read through this, so they see the same bytes.
 */
export class CrlfLines {
  #afterCr = false;

  /** The piece itself when there is nothing to mend. */
  push(piece: Buffer): Buffer {
    if (piece.length === 0) return piece;
    const parts: Buffer[] = [];
    if (this.#afterCr && piece[0] !== lf) parts.push(lfBytes);
    let from = 0;
    let nextCr = piece.indexOf(cr);
    let nextLf = piece.indexOf(lf);
    while (nextCr >= 0 || nextLf >= 0) {
      if (nextCr >= 0 && nextCr + 1 === nextLf) {
        nextCr = piece.indexOf(cr, nextLf + 1);
        nextLf = piece.indexOf(lf, nextLf + 1);
      } else if (nextCr >= 0 && (nextLf < 0 || nextCr < nextLf)) {
        // A CR at the very end: the next piece decides.
        if (nextCr + 1 < piece.length) {
          parts.push(piece.subarray(from, nextCr + 1), lfBytes);
          from = nextCr + 1;
        }
        nextCr = piece.indexOf(cr, nextCr + 1);
      } else {
        if (!(nextLf === 0 && this.#afterCr)) {
          parts.push(piece.subarray(from, nextLf), crBytes);
          from = nextLf;
        }
        nextLf = piece.indexOf(lf, nextLf + 1);
      }
    }
    this.#afterCr = piece[piece.length - 1] === cr;
    return parts.length === 0 ? piece : Buffer.concat([...parts, piece.subarray(from)]);
  }

  /** What is to follow the last piece. */
  end(): Buffer {
    return this.#afterCr ? lfBytes : nothing;
  }
}

/** `CrlfLines` over a stream. */
export async function* withCrlf(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const lines = new CrlfLines();
  for await (const piece of source) if (piece.length > 0) yield lines.push(piece);
  const rest = lines.end();
  if (rest.length > 0) yield rest;
}
