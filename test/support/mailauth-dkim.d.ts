/**
 * The signer behind mailauth's `dkimSign`, which has no declarations of its own. Only what we use. Its
 * `headers.parsed` are the header fields top down; `casedKey` is the name that it writes into `h=`.
 */
declare module 'mailauth/lib/dkim/dkim-signer.js' {
  import type { Writable } from 'node:stream';

  export interface ParsedHeaders {
    parsed: { key: string | null; casedKey?: string; line: Buffer }[];
    original: Buffer;
  }
  export interface SignatureData {
    signingDomain: string;
    selector: string;
    privateKey: string | Buffer;
    algorithm: string;
    canonicalization: string;
  }
  interface DkimSignerClass extends Writable {
    /** The finished DKIM-Signature fields, without the CRLF after the last line. */
    signatureHeaders: string[];
    errors: { selector?: string; err: Error }[];
    messageHeaders(headers: ParsedHeaders): Promise<void>;
  }
  export const DkimSigner: new (options: {
    headerList: readonly string[];
    signatureData: SignatureData[];
    signTime?: Date;
    strict?: boolean;
  }) => DkimSignerClass;
}
