import { createHash, createPrivateKey, type KeyObject, sign } from 'node:crypto';
import type { DkimKey } from '#domain/node-contract.ts';
import { errorText } from '../outbound/failures.ts';

/** A private key that has been parsed, and is known to make signatures that a receiver may accept. */
export interface SigningKey {
  selector: string;
  algorithm: DkimKey['algorithm'];
  /** The signature of a canonical header, base64; made on the thread pool. */
  sign(header: Buffer): Promise<string>;
}

/** RFC 8301 §3.2: a signature with fewer must not be accepted. */
const leastRsaBits = 1024;
/** RFC 6376 §3.5: a selector is of sub-domains. */
const selectorSyntax = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$/i;
/** So many keys are kept parsed; parsing one takes a tenth of the work of signing with it. */
const mostKept = 1000;

/** Keys by their PEM, each parsed once; the one that was used longest ago is forgotten first. */
export class SigningKeys {
  readonly #parsed = new Map<string, KeyObject>();
  readonly #numbers = new Map<string, number>();
  #lastNumber = 0;

  /** A short name of a private key, the same as long as it is used. */
  numberOf({ privateKey }: DkimKey): number {
    const known = this.#numbers.get(privateKey);
    if (known !== undefined) return known;
    if (this.#numbers.size >= mostKept) this.#numbers.clear();
    this.#lastNumber += 1;
    this.#numbers.set(privateKey, this.#lastNumber);
    return this.#lastNumber;
  }

  /** @throws Error why the key cannot sign */
  of({ selector, algorithm, privateKey }: DkimKey): SigningKey {
    if (!selectorSyntax.test(selector)) throw new Error(`Invalid s= value ${JSON.stringify(selector)}`);
    const key = this.#parsed.get(privateKey) ?? createPrivateKey(privateKey);
    const fault = faultOf(key, algorithm);
    if (fault) throw new Error(fault);
    this.#keep(privateKey, key);
    return { selector, algorithm, sign: (header) => signed(header, algorithm, key) };
  }

  #keep(pem: string, key: KeyObject): void {
    this.#parsed.delete(pem);
    this.#parsed.set(pem, key);
    const [oldest] = this.#parsed.keys();
    if (oldest !== undefined && this.#parsed.size > mostKept) this.#parsed.delete(oldest);
  }
}

function faultOf(key: KeyObject, algorithm: DkimKey['algorithm']): string | null {
  const wanted = algorithm === 'rsa-sha256' ? 'rsa' : 'ed25519';
  if (key.asymmetricKeyType !== wanted) {
    return `Invalid key type: "${key.asymmetricKeyType}" (expecting "${wanted}")`;
  }
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
  if (wanted === 'rsa' && bits < leastRsaBits) {
    return `RSA key too short (${bits} bits, at least ${leastRsaBits} required)`;
  }
  return null;
}

/** RFC 6376 §3.3.1; RFC 8463 §3: Ed25519 signs the hash. */
function signed(header: Buffer, algorithm: DkimKey['algorithm'], key: KeyObject): Promise<string> {
  const [digest, data] =
    algorithm === 'rsa-sha256' ? ['sha256', header] : [null, createHash('sha256').update(header).digest()];
  return new Promise((resolve, reject) => {
    sign(digest, data, key, (error, signature) => {
      if (error) reject(new Error(errorText(error)));
      else resolve(signature.toString('base64'));
    });
  });
}
