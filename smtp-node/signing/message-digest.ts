import { RelaxedBody } from './canonical-body.ts';
import { type CanonicalHeader, canonicalHeader } from './canonical-header.ts';
import { withCrlf } from './line-ends.ts';
import { type RawSource, readRaw, wholeOf } from './raw-source.ts';

/** What every signature of a message is made from. */
export interface MessageDigest {
  header: CanonicalHeader;
  /** Base64 of SHA-256 over the relaxed body. */
  bodyHash: string;
  /** Octets of the message with CRLF line ends. */
  sizeBytes: number;
}

const emptyLine = Buffer.from('\r\n\r\n');
const lineEnd = emptyLine.subarray(0, 2);

/** Reads a message once. Rejects only when the source cannot be read. */
export async function digestMessage(raw: RawSource): Promise<MessageDigest> {
  const reading = new Reading();
  const whole = wholeOf(raw);
  if (whole) reading.push(whole);
  else for await (const piece of withCrlf(readRaw(raw))) reading.push(piece);
  return reading.end();
}

class Reading {
  readonly #body = new RelaxedBody();
  #sizeBytes = 0;
  /** The header section as far as it is read; null once it has ended. */
  #head: Buffer | null = Buffer.alloc(0);
  #header: CanonicalHeader | null = null;

  push(piece: Buffer): void {
    this.#sizeBytes += piece.length;
    if (this.#head === null) {
      this.#body.update(piece);
      return;
    }
    const head = this.#head.length === 0 ? piece : Buffer.concat([this.#head, piece]);
    // RFC 5322 §2.1: the body begins after the first empty line, which may be the very first.
    const end = head.subarray(0, 2).equals(lineEnd) ? -2 : head.indexOf(emptyLine);
    if (end === -1) {
      this.#head = head;
      return;
    }
    this.#header = canonicalHeader(head.subarray(0, Math.max(end, 0)));
    this.#body.update(head.subarray(end + emptyLine.length));
    this.#head = null;
  }

  end(): MessageDigest {
    const header = this.#header ?? canonicalHeader(this.#head ?? Buffer.alloc(0));
    return { header, bodyHash: this.#body.digest(), sizeBytes: this.#sizeBytes };
  }
}
