import PostalMime, { type Email, type PostalMimeOptions } from 'postal-mime';
import { BodyDecoder } from './body-decoder.ts';

/** What is read of a mail; what is beyond is left out. */
export const leanBounds = {
  /** At 25 MiB, less than 27 octets a line. */
  lines: 1_000_000,
  parts: 1000,
  /** Octets of one part that is shown as text. */
  text: 8_388_608,
} as const;

/** What the parser has inside, in the version that package.json names; its types do not tell. */
interface Node {
  state: 'header' | 'body' | 'finished';
  contentDecoder: unknown;
  contentType: { parsed: { value: string } };
  contentDisposition: { parsed: { value: string } };
  contentTransferEncoding: { encoding: string };
}
interface Insides {
  currentNode: Node;
  boundaries: unknown[];
  processLine(line: Uint8Array, isFinal: boolean): Promise<void>;
}

/**
 * postal-mime with decoders that need memory for bytes only: its own keep every line by itself, which costs about a
 * kilobyte each, and a mail of 25 MiB may have millions. Bounded in lines and parts.
 */
class LeanParser extends PostalMime {
  #parts = 0;
  #node: Node | null = null;

  processLine(line: Uint8Array, isFinal: boolean): Promise<void> {
    const insides = this as unknown as Insides;
    const done = (PostalMime.prototype as unknown as Insides).processLine.call(this, line, isFinal);
    const node = insides.currentNode;
    if (node !== this.#node) {
      this.#node = node;
      // The lines that follow belong to the part that is open.
      if (++this.#parts > leanBounds.parts) insides.boundaries.length = 0;
    }
    if (node.state === 'body' && node.contentDecoder && !(node.contentDecoder instanceof BodyDecoder)) {
      node.contentDecoder = new BodyDecoder(
        encodingOf(node),
        isText(node) ? leanBounds.text : Number.MAX_SAFE_INTEGER,
      );
    }
    return done;
  }
}

/** Parses a mail within `leanBounds`. Rejects as postal-mime does: nested too deep, or too long a header. */
export function parseMail(raw: Uint8Array<ArrayBuffer>, options: PostalMimeOptions): Promise<Email> {
  const mail = withoutTooManyLines(raw);
  const isWhole = mail.byteLength === mail.buffer.byteLength;
  return new LeanParser(options).parse(isWhole ? mail.buffer : mail); // a view would be copied
}

function encodingOf(node: Node) {
  const { encoding } = node.contentTransferEncoding;
  if (encoding.includes('base64')) return 'base64';
  return encoding.includes('quoted-printable') ? 'quoted-printable' : 'identity';
}

function isText(node: Node): boolean {
  return (
    /^text\/(?:plain|html)$/.test(node.contentType.parsed.value) &&
    node.contentDisposition.parsed.value !== 'attachment'
  );
}

function withoutTooManyLines(raw: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  if (raw.length <= leanBounds.lines) return raw;
  let lines = 0;
  for (let at = raw.indexOf(10); at >= 0; at = raw.indexOf(10, at + 1)) {
    lines += 1;
    if (lines === leanBounds.lines) return raw.subarray(0, at + 1);
  }
  return raw;
}
