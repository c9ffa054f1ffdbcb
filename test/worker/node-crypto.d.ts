/** The parts of Node's library that tests of keys use to make them as other programs do. */
declare module 'node:crypto' {
  import type { Buffer } from 'node:buffer';

  interface Key {
    export(options: {
      format: 'pem';
      type: 'spki' | 'pkcs8' | 'pkcs1';
      cipher?: string;
      passphrase?: string;
    }): string;
    export(options: { format: 'der'; type: 'spki' }): Buffer;
  }
  export function generateKeyPairSync(
    type: 'rsa' | 'ed25519' | 'ec',
    options?: { modulusLength?: number; namedCurve?: string },
  ): { publicKey: Key; privateKey: Key };
  /** The public half of a private key. @param pem PKCS #8 */
  export function createPublicKey(pem: string): Key;
}
