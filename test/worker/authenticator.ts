/**
 * An authenticator (WebAuthn §6) made of the platform's own cryptography: ES256, attestation `none`. It answers the
 * options of a relying party as a browser would, and lies where a test tells it to.
 */
export interface Lies {
  /** Whose page the browser says it is. */
  origin?: string;
  challenge?: string;
  /** False: nobody was asked for a finger or a PIN. */
  userVerified?: boolean;
  /** False: the signature is of something else. */
  signed?: boolean;
}

interface Options {
  challenge: string;
}

const flags = { userPresent: 0x01, userVerified: 0x04, attested: 0x40 };

export class Authenticator {
  readonly id: string;
  readonly #id: Uint8Array;
  readonly #keys: CryptoKeyPair;
  readonly #origin: string;
  #counter = 0;

  private constructor(keys: CryptoKeyPair, origin: string) {
    this.#keys = keys;
    this.#origin = origin;
    this.#id = crypto.getRandomValues(new Uint8Array(16));
    this.id = base64url(this.#id);
  }

  static async at(origin: string): Promise<Authenticator> {
    const keys = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, [
      'sign',
      'verify',
    ]);
    if (!('privateKey' in keys)) throw new Error('ECDSA gives a pair of keys');
    return new Authenticator(keys, origin);
  }

  /** The answer to creation options. */
  async create(options: Options, lies: Lies = {}): Promise<Record<string, unknown>> {
    const length = new Uint8Array([0, this.#id.length]);
    const attested = concat([new Uint8Array(16), length, this.#id, await this.#coseKey()]);
    const authData = concat([await this.#authData(flags.attested, lies), attested]);
    const attestationObject = concat([
      cborMap(3),
      ...[cborText('fmt'), cborText('none'), cborText('attStmt'), cborMap(0)],
      ...[cborText('authData'), cborBytes(authData)],
    ]);
    return this.#answer({
      clientDataJSON: base64url(this.#clientData('webauthn.create', options, lies)),
      attestationObject: base64url(attestationObject),
      transports: ['internal'],
    });
  }

  /** The answer to request options. */
  async get(options: Options, lies: Lies = {}): Promise<Record<string, unknown>> {
    this.#counter++;
    const clientData = this.#clientData('webauthn.get', options, lies);
    const authData = await this.#authData(0, lies);
    const signed = concat([authData, lies.signed === false ? new Uint8Array(32) : await sha256(clientData)]);
    const signature = await crypto.subtle.sign(
      { name: 'ECDSA', hash: 'SHA-256' },
      this.#keys.privateKey,
      signed,
    );
    return this.#answer({
      clientDataJSON: base64url(clientData),
      authenticatorData: base64url(authData),
      signature: base64url(derOf(new Uint8Array(signature))),
      userHandle: null,
    });
  }

  #answer(response: Record<string, unknown>): Record<string, unknown> {
    return { id: this.id, rawId: this.id, type: 'public-key', clientExtensionResults: {}, response };
  }

  #clientData(type: string, options: Options, lies: Lies): Uint8Array<ArrayBuffer> {
    const origin = lies.origin ?? this.#origin;
    const challenge = lies.challenge ?? options.challenge;
    return utf8(JSON.stringify({ type, challenge, origin, crossOrigin: false }));
  }

  /** WebAuthn §6.1: hash of the relying party's id, flags, signature counter. */
  async #authData(more: number, { userVerified = true }: Lies): Promise<Uint8Array<ArrayBuffer>> {
    const set = flags.userPresent | (userVerified ? flags.userVerified : 0) | more;
    const counter = new Uint8Array([0, 0, 0, this.#counter]);
    return concat([await sha256(utf8(new URL(this.#origin).hostname)), new Uint8Array([set]), counter]);
  }

  /** RFC 9053 §7.1.1: {1: 2 (EC2), 3: -7 (ES256), -1: 1 (P-256), -2: x, -3: y}. */
  async #coseKey(): Promise<Uint8Array<ArrayBuffer>> {
    const raw = await crypto.subtle.exportKey('raw', this.#keys.publicKey);
    if (!(raw instanceof ArrayBuffer)) throw new Error('a raw key is bytes');
    const point = new Uint8Array(raw);
    const head = new Uint8Array([0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21]);
    const [x, y] = [cborBytes(point.slice(1, 33)), cborBytes(point.slice(33))];
    return concat([head, x, new Uint8Array([0x22]), y]);
  }
}

/** CBOR (RFC 8949 §3.1), of short things. */
function cborHead(major: number, length: number): Uint8Array<ArrayBuffer> {
  const first = major << 5;
  if (length < 24) return new Uint8Array([first | length]);
  if (length < 256) return new Uint8Array([first | 24, length]);
  return new Uint8Array([first | 25, length >> 8, length & 0xff]);
}

const cborBytes = (bytes: Uint8Array<ArrayBuffer>) => concat([cborHead(2, bytes.length), bytes]);
const cborText = (text: string) => concat([cborHead(3, text.length), utf8(text)]);
const cborMap = (pairs: number) => cborHead(5, pairs);

/** An ECDSA signature as WebAuthn §6.5.5 wants it: r and s in a DER sequence. */
function derOf(signature: Uint8Array): Uint8Array<ArrayBuffer> {
  const integers = [signature.slice(0, 32), signature.slice(32)].map((bytes) => {
    const start = bytes.findIndex((octet) => octet !== 0);
    const trimmed = bytes.slice(start);
    const positive = (trimmed[0] ?? 0) & 0x80 ? concat([new Uint8Array([0]), trimmed]) : trimmed;
    return concat([new Uint8Array([0x02, positive.length]), positive]);
  });
  const body = concat(integers);
  return concat([new Uint8Array([0x30, body.length]), body]);
}

function concat(parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function utf8(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(new TextEncoder().encode(text));
}

async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
}

function base64url(bytes: Uint8Array): string {
  const text = btoa(String.fromCharCode(...bytes));
  return text.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}
