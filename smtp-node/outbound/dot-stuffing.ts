const lf = 0x0a;
const dot = 0x2e;
const stuffing = Buffer.from('.');
const lineEnd = Buffer.from('\r\n');

/**
 * The content as it travels after DATA, fed in pieces: a dot that begins a line is doubled (RFC 5321 §4.5.2), and the
 * last line ends with CRLF. The final dot itself is left to the caller, who must know when it is sent.
 */
export class DotStuffing {
  #atLineStart = true;

  /** What is to be sent of a piece, in parts. */
  push(piece: Buffer): Buffer[] {
    if (piece.length === 0) return [];
    const parts: Buffer[] = [];
    let from = 0;
    if (this.#atLineStart && piece[0] === dot) parts.push(stuffing);
    for (let at = piece.indexOf('\n.'); at >= 0; at = piece.indexOf('\n.', at + 1)) {
      parts.push(piece.subarray(from, at + 1), stuffing);
      from = at + 1;
    }
    this.#atLineStart = piece[piece.length - 1] === lf;
    return [...parts, piece.subarray(from)];
  }

  /** What is to follow the last piece. */
  end(): Buffer[] {
    return this.#atLineStart ? [] : [lineEnd];
  }
}

/** `DotStuffing` over a stream. */
export async function* dotStuffed(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const stuffing = new DotStuffing();
  for await (const piece of source) {
    const [first, ...others] = stuffing.push(piece);
    if (first) yield others.length === 0 ? first : Buffer.concat([first, ...others]);
  }
  yield* stuffing.end();
}
