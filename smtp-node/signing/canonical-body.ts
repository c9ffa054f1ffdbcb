import { createHash, type Hash } from 'node:crypto';

const [tab, lf, cr, space] = [0x09, 0x0a, 0x0d, 0x20];
/** Something to be canonicalized, or half a line end at either side (latin1). */
const uneven = /\t| [ \r]| $|^\n|\r$/;
const lineEnds = Buffer.alloc(64 * 1024, '\r\n');

/**
 * SHA-256 over a body in relaxed canonicalization (RFC 6376 §3.4.4), fed in pieces whose line ends are all CRLF: blanks
 * at line ends are left out, other runs of them are one space, empty lines at the end are left out.
 */
export class RelaxedBody {
  readonly #hash: Hash = createHash('sha256');
  /** Line ends that are written when something follows them. */
  #lines = 0;
  #blank = false;
  #empty = true;

  update(piece: Buffer): void {
    if (!this.#blank && !uneven.test(piece.toString('latin1'))) {
      this.#updateEven(piece);
      return;
    }
    // A line end that was carried over is written apart; a blank may be, so there is room for one octet more.
    const out = Buffer.allocUnsafe(piece.length + 1);
    let at = 0;
    for (let i = 0; i < piece.length; i++) {
      const byte = piece[i] as number;
      if (byte === space || byte === tab) {
        this.#blank = true;
      } else if (byte === lf) {
        this.#blank = false;
        this.#lines++;
      } else if (byte !== cr) {
        if (this.#lines > 0) {
          if (at === 0) this.#writeLines();
          for (; this.#lines > 0; this.#lines--) {
            out[at++] = cr;
            out[at++] = lf;
          }
        }
        if (this.#blank) out[at++] = space;
        this.#blank = false;
        out[at++] = byte;
      }
    }
    if (at === 0) return;
    this.#empty = false;
    this.#hash.update(out.subarray(0, at));
  }

  /** A piece that only its last line ends may be left out of: most are such, and need not be copied. */
  #updateEven(piece: Buffer): void {
    let end = piece.length;
    while (end > 0 && piece[end - 1] === lf) end -= 2;
    const lines = (piece.length - end) / 2;
    if (end === 0) {
      this.#lines += lines;
      return;
    }
    this.#writeLines();
    this.#hash.update(piece.subarray(0, end));
    this.#empty = false;
    this.#lines = lines;
  }

  /** Base64, as `bh=` has it. */
  digest(): string {
    if (!this.#empty) this.#hash.update('\r\n');
    return this.#hash.digest('base64');
  }

  #writeLines(): void {
    if (this.#lines > 0) this.#empty = false;
    for (; this.#lines > 0; this.#lines -= Math.min(this.#lines, lineEnds.length / 2)) {
      this.#hash.update(lineEnds.subarray(0, Math.min(this.#lines * 2, lineEnds.length)));
    }
  }
}
