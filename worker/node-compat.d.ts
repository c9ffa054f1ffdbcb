/** The parts of Node's library that workerd has (nodejs_compat) and the Worker uses. */
declare module 'node:buffer' {
  export class Buffer extends Uint8Array {
    static from(text: string, encoding?: 'utf8' | 'latin1' | 'base64' | 'hex'): Buffer;
    static from(bytes: ArrayBuffer | Uint8Array): Buffer;
    /** Looks at the same memory. */
    static from(bytes: ArrayBufferLike, byteOffset: number, length: number): Buffer;
    static concat(parts: readonly Uint8Array[]): Buffer;
    override toString(encoding?: 'utf8' | 'latin1' | 'base64' | 'hex'): string;
  }
}

declare module 'node:crypto' {
  export class X509Certificate {
    /** @throws when it is no certificate, as PEM or DER */
    constructor(certificate: string | Uint8Array);
    /** In words that `Date.parse` reads. */
    readonly validFrom: string;
    readonly validTo: string;
    readonly publicKey: { export(options: { type: 'spki'; format: 'der' }): Uint8Array };
  }
}

declare module 'node:zlib' {
  import type { Buffer } from 'node:buffer';

  export function gzipSync(bytes: Uint8Array): Buffer;
  /** @throws when it is no gzip */
  export function gunzipSync(bytes: Uint8Array): Buffer;
  export function deflateRawSync(
    bytes: Uint8Array | string,
    options: { dictionary: Uint8Array; windowBits?: number; memLevel?: number },
  ): Buffer;
  /** @throws when it is no DEFLATE data, or longer */
  export function inflateRawSync(
    bytes: Uint8Array,
    options: { dictionary: Uint8Array; maxOutputLength: number },
  ): Buffer;
}
