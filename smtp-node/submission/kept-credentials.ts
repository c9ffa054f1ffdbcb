import { createHash } from 'node:crypto';

/** So long a key that was good may log in without being asked about again. */
export const credentialKeptMs = 60_000;
const mostKept = 1000;

interface Kept<T> {
  credential: Promise<T | null>;
  /** By a clock that only runs forward; none while the edge is asked. */
  untilMs: number | null;
}

/**
 * What the edge said of keys that log in, for a minute: a client that opens a connection for each message asks once, and
 * so do many at the same time. A key that is not good is asked about each time. Only logging in rests on this: the edge
 * looks at the key of every message itself.
 */
export class KeptCredentials<T> {
  readonly #ask: (secret: string) => Promise<T | null>;
  readonly #nowMs: () => number;
  /** By hash: no key stays in memory for it. */
  readonly #kept = new Map<string, Kept<T>>();

  constructor(ask: (secret: string) => Promise<T | null>, nowMs: () => number = () => performance.now()) {
    this.#ask = ask;
    this.#nowMs = nowMs;
  }

  /** Rejects as asking does. */
  async of(secret: string): Promise<T | null> {
    const name = nameOf(secret);
    const known = this.#kept.get(name);
    if (known && (known.untilMs === null || known.untilMs > this.#nowMs())) return await known.credential;
    const asked: Kept<T> = { credential: this.#ask(secret), untilMs: null };
    this.#keep(name, asked);
    let good = false;
    try {
      const credential = await asked.credential;
      good = credential !== null;
      return credential;
    } finally {
      asked.untilMs = this.#nowMs() + credentialKeptMs;
      if (!good && this.#kept.get(name) === asked) this.#kept.delete(name);
    }
  }

  /** The edge has refused the key: it is asked about again at the next login. */
  forget(secret: string): void {
    this.#kept.delete(nameOf(secret));
  }

  #keep(name: string, asked: Kept<T>): void {
    this.#kept.delete(name);
    this.#kept.set(name, asked);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > mostKept && oldest !== undefined) this.#kept.delete(oldest);
  }
}

function nameOf(secret: string): string {
  return createHash('sha256').update(secret).digest('base64');
}
