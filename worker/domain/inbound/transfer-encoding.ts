import { base64 } from '../base64.ts';

/**
 * Transfer encodings (RFC 2045 §6.7, §6.8) of whole parts, latin1, a character for each octet. Megabytes are worked on
 * octet by octet, so what is made on the way is made in pieces: a match or a joint of strings for each octet would take
 * many times their size.
 */

const pieceOctets = 8192;

/** Text of so many octets. */
export function octetsText(bytes: Uint8Array): string {
  const pieces: string[] = [];
  for (let at = 0; at < bytes.length; at += pieceOctets) {
    pieces.push(String.fromCharCode(...bytes.subarray(at, at + pieceOctets)));
  }
  return pieces.join('');
}

/** Text that is written octet by octet. */
class OctetWriter {
  readonly #piece = new Uint8Array(pieceOctets);
  readonly #pieces: string[] = [];
  #length = 0;

  push(code: number): void {
    if (this.#length === pieceOctets) this.#flush();
    this.#piece[this.#length++] = code;
  }

  write(text: string): void {
    for (let at = 0; at < text.length; at++) this.push(text.charCodeAt(at));
  }

  text(): string {
    this.#flush();
    return this.#pieces.join('');
  }

  #flush(): void {
    this.#pieces.push(String.fromCharCode(...this.#piece.subarray(0, this.#length)));
    this.#length = 0;
  }
}

/** A thousand lines of 76 characters (RFC 2045 §6.8). */
const base64Octets = 57 * 1000;

export function encodeBase64(text: string): string {
  const pieces: string[] = [];
  for (let at = 0; at < text.length; at += base64Octets) {
    const some = text.slice(at, at + base64Octets);
    const bytes = new Uint8Array(some.length);
    for (let i = 0; i < some.length; i++) bytes[i] = some.charCodeAt(i);
    pieces.push(base64(bytes).replace(/.{1,76}/g, '$&\r\n'));
  }
  return pieces.join('');
}

/** As readers decode it: blanks before the end of a soft line break are passed over, and what is no code stays. */
export function decodeQuoted(text: string): string {
  const whole = withoutSoftBreaks(text);
  const writer = new OctetWriter();
  for (let at = 0; at < whole.length; at++) {
    const code = whole.charCodeAt(at);
    const octet = code === equals ? octetOf(whole, at + 1) : -1;
    writer.push(octet < 0 ? code : octet);
    if (octet >= 0) at += 2;
  }
  return writer.text();
}

const equals = 0x3d;
const softBreak = /=[ \t]{0,20}\r?\n/y;

function withoutSoftBreaks(text: string): string {
  const writer = new OctetWriter();
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    softBreak.lastIndex = at;
    if (code === equals && softBreak.test(text)) at = softBreak.lastIndex - 1;
    else writer.push(code);
  }
  return writer.text();
}

/** The octet of two hexadecimal digits; -1 when they are none. */
function octetOf(text: string, at: number): number {
  const high = digitOf(text.charCodeAt(at));
  const low = digitOf(text.charCodeAt(at + 1));
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

function digitOf(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const letter = code | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}

/** Lines with their soft break have 76 characters at most (RFC 2045 §6.7). */
const mostOfLine = 73;

export function encodeQuoted(text: string): string {
  const writer = new OctetWriter();
  let lineLength = 0;
  for (let at = 0; at < text.length; at++) {
    if (text.startsWith('\r\n', at)) {
      writer.write('\r\n');
      lineLength = 0;
      at += 1;
      continue;
    }
    const code = text.charCodeAt(at);
    const isPlain = isBlank(code)
      ? at + 1 < text.length && !text.startsWith('\r\n', at + 1)
      : code > 32 && code < 127 && code !== equals;
    if (lineLength + (isPlain ? 1 : 3) > mostOfLine) {
      writer.write('=\r\n');
      lineLength = 0;
    }
    if (isPlain) writer.push(code);
    else writer.write(`=${code.toString(16).toUpperCase().padStart(2, '0')}`);
    lineLength += isPlain ? 1 : 3;
  }
  return writer.text();
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}
