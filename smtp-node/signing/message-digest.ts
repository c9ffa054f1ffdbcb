import { RelaxedBody } from './canonical-body.ts';
import { type CanonicalHeader, canonicalHeader } from './canonical-header.ts';
import { withCrlf } from './line-ends.ts';
import { type RawSource, readRaw } from './raw-source.ts';

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
  const body = new RelaxedBody();
  let sizeBytes = 0;
  /** The header section as far as it is read; null once it has ended. */
  let head: Buffer | null = Buffer.alloc(0);
  let header = canonicalHeader(head);
  for await (const piece of withCrlf(readRaw(raw))) {
    sizeBytes += piece.length;
    if (head === null) {
      body.update(piece);
      continue;
    }
    head = head.length === 0 ? piece : Buffer.concat([head, piece]);
    // RFC 5322 §2.1: the body begins after the first empty line, which may be the very first.
    const end = head.subarray(0, 2).equals(lineEnd) ? -2 : head.indexOf(emptyLine);
    if (end === -1) continue;
    header = canonicalHeader(head.subarray(0, Math.max(end, 0)));
    body.update(head.subarray(end + emptyLine.length));
    head = null;
  }
  if (head !== null) header = canonicalHeader(head);
  return { header, bodyHash: body.digest(), sizeBytes };
}
