const cr = 0x0d;
const lf = 0x0a;
const dot = 0x2e;

/**
 * Looks for a line that is a single dot with a bare LF or bare CR before or after it. RFC 5321 §2.3.8 allows
 * CR and LF only together, but some servers take such a line for the end of the message, and what follows
 * for commands: SMTP smuggling (CVE-2023-51764, -51765, -51766).
 *
 * It is given the message without its transparency dots (RFC 5321 §4.5.2), in chunks cut anywhere. A dot
 * line between two CRLF is allowed there: it was sent with two dots.
 */
export class BareLineEndScan {
  /** How the line before ended; null within a line. DATA begins after a CRLF. */
  #lineStart: 'crlf' | 'bare' | null = 'crlf';
  #afterCr = false;
  /** The line so far is a dot. */
  #dotLine: 'crlf' | 'bare' | null = null;

  /** True when a chunk completes such a line. */
  push(chunk: Uint8Array): boolean {
    for (let i = 0; i < chunk.length; i++) {
      if (this.#isWithinLine) i = nextLineEnd(chunk, i);
      if (i < chunk.length && this.#step(chunk[i] ?? 0)) return true;
    }
    return false;
  }

  /** Nothing matters until the line ends. */
  get #isWithinLine(): boolean {
    return this.#lineStart === null && this.#dotLine === null && !this.#afterCr;
  }

  #step(byte: number): boolean {
    if (this.#afterCr) {
      this.#afterCr = false;
      if (byte === lf) return this.#endLine('crlf');
      if (this.#endLine('bare')) return true;
    }
    if (byte === cr) {
      this.#afterCr = true;
      return false;
    }
    if (byte === lf) return this.#endLine('bare');
    this.#dotLine = byte === dot ? this.#lineStart : null;
    this.#lineStart = null;
    return false;
  }

  #endLine(kind: 'crlf' | 'bare'): boolean {
    const found = this.#dotLine !== null && (this.#dotLine === 'bare' || kind === 'bare');
    this.#dotLine = null;
    this.#lineStart = kind;
    return found;
  }
}

/** Where the next CR or LF stands; the length when there is none. */
function nextLineEnd(chunk: Uint8Array, from: number): number {
  let at = from;
  while (at < chunk.length && chunk[at] !== cr && chunk[at] !== lf) at++;
  return at;
}
