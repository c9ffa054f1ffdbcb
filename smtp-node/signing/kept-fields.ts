import { keptFields, type RelayFields } from '#domain/delivery/relay-fields.ts';

const lineEnd = Buffer.from('\r\n');
const headEnd = Buffer.from('\r\n\r\n');

/** A message without the header fields that a relay does not take, fed in pieces with CRLF line ends; the body stays as it is. */
export class KeptFields {
  readonly #fields: RelayFields | null;
  /** The header section as far as it is read; null once it has ended. */
  #head: Buffer | null = Buffer.alloc(0);
  readonly #leftOut: Set<string>;

  /**
   * @param fields null: it takes all
   * @param leftOut is given the names of the fields that are left out, as written
   */
  constructor(fields: RelayFields | null, leftOut = new Set<string>()) {
    this.#fields = fields;
    this.#leftOut = leftOut;
    if (fields === null) this.#head = null;
  }

  /** What is to be sent of a piece. */
  push(piece: Buffer): Buffer {
    if (this.#head === null) return piece;
    const head = this.#head.length === 0 ? piece : Buffer.concat([this.#head, piece]);
    // RFC 5322 §2.1: the body begins after the first empty line, which may be the very first.
    const end = head.subarray(0, 2).equals(lineEnd) ? 0 : head.indexOf(headEnd) + lineEnd.length;
    if (end === 1) {
      this.#head = head;
      return Buffer.alloc(0);
    }
    this.#head = null;
    return Buffer.concat([this.#kept(head.subarray(0, end)), head.subarray(end)]);
  }

  /** What is to follow the last piece: the header section of a message that has no body. */
  end(): Buffer {
    const head = this.#head;
    this.#head = null;
    return head ? this.#kept(head) : Buffer.alloc(0);
  }

  #kept(section: Buffer): Buffer {
    // Latin1 keeps every octet as it is.
    return Buffer.from(keptFields(section.toString('latin1'), this.#fields, this.#leftOut), 'latin1');
  }
}

/** A whole section or message without the fields that a relay does not take. */
export function withKeptFields(bytes: Buffer, fields: RelayFields | null): Buffer {
  const kept = new KeptFields(fields);
  return Buffer.concat([kept.push(bytes), kept.end()]);
}
