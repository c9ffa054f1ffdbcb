/** Transfer encodings (RFC 2045 §6) that are decoded; all others pass as they are. */
export type TransferEncoding = 'base64' | 'quoted-printable' | 'identity';

const lf = 10;
const equals = 0x3d;
const noDigit = 255;
const base64Digits = digits('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/');
const hexDigits = digits('0123456789ABCDEF');
for (let i = 10; i < 16; i++) hexDigits[87 + i] = i; // a to f, which RFC 2045 §6.7 lets readers take

function digits(alphabet: string): Uint8Array {
  const values = new Uint8Array(256).fill(noDigit);
  for (let i = 0; i < alphabet.length; i++) values[alphabet.charCodeAt(i)] = i;
  return values;
}

/**
 * Decodes the lines of one body into one growing buffer, so that memory follows the bytes and not the lines.
 * Time is linear.
 */
export class BodyDecoder {
  readonly #encoding: TransferEncoding;
  readonly #most: number;
  #bytes = new Uint8Array(1024);
  #size = 0;
  /** Bits of base64 that make no octet yet. */
  #held = 0;
  #bits = 0;

  /** @param most octets that are kept; what is beyond is left out */
  constructor(encoding: TransferEncoding, most: number) {
    this.#encoding = encoding;
    this.#most = most;
  }

  /** @param line without its line end */
  update(line: Uint8Array): void {
    this.#reserve(line.length + 1);
    if (this.#encoding === 'base64') this.#base64(line);
    else if (this.#encoding === 'quoted-printable') this.#quotedPrintable(line);
    else {
      this.#bytes.set(line, this.#size);
      this.#size += line.length;
      this.#bytes[this.#size++] = lf;
    }
    this.#size = Math.min(this.#size, this.#most);
  }

  async finalize(): Promise<ArrayBuffer> {
    const whole = this.#bytes.buffer.transfer(this.#size);
    this.#bytes = new Uint8Array();
    return whole;
  }

  #reserve(length: number): void {
    const wanted = this.#size + length;
    if (wanted <= this.#bytes.length) return;
    const room = Math.max(wanted, Math.ceil(this.#bytes.length * 1.5));
    this.#bytes = new Uint8Array(this.#bytes.buffer.transfer(room));
  }

  /** RFC 2045 §6.8: what is not of the alphabet is passed over; padding ends a group, also in the middle. */
  #base64(line: Uint8Array): void {
    for (const code of line) {
      const digit = base64Digits[code] ?? noDigit;
      if (digit !== noDigit) {
        this.#held = ((this.#held << 6) | digit) & 0xffffff;
        this.#bits += 6;
        if (this.#bits >= 8) {
          this.#bits -= 8;
          this.#bytes[this.#size++] = (this.#held >> this.#bits) & 255;
        }
      } else if (code === equals) {
        this.#bits = 0;
      }
    }
  }

  /** RFC 2045 §6.7: `=` at the end of a line joins it with the next; what is no octet stays as it is. */
  #quotedPrintable(line: Uint8Array): void {
    const isSoft = line[line.length - 1] === equals;
    const end = isSoft ? line.length - 1 : line.length;
    for (let at = 0; at < end; at++) {
      const code = line[at] ?? 0;
      const high = code === equals && at + 2 < end ? (hexDigits[line[at + 1] ?? 0] ?? noDigit) : noDigit;
      const low = high === noDigit ? noDigit : (hexDigits[line[at + 2] ?? 0] ?? noDigit);
      if (low === noDigit) {
        this.#bytes[this.#size++] = code;
      } else {
        this.#bytes[this.#size++] = (high << 4) | low;
        at += 2;
      }
    }
    if (!isSoft) this.#bytes[this.#size++] = lf;
  }
}
