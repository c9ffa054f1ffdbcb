import { expect } from 'vitest';

/** What a client's method came to. */
export interface MethodRow {
  method: string;
  /** What was sent, or why not. */
  result: string;
}

/** The methods of a client as they were called, one a row; printed when all are done. */
export class MethodTable {
  readonly #rows: MethodRow[] = [];
  readonly #client: string;

  constructor(client: string) {
    this.#client = client;
  }

  note(method: string, result: string): void {
    this.#rows.push({ method, result });
  }

  /** Prints the rows. @param methods that the client has: each must have been called */
  print(methods: readonly string[]): void {
    const width = Math.max(...this.#rows.map(({ method }) => method.length));
    const lines = this.#rows.map(({ method, result }) => `  ${method.padEnd(width)}  ${result}`);
    console.log(`${this.#client}: ${this.#rows.length} methods\n${lines.join('\n')}`);
    const called = new Set(this.#rows.map(({ method }) => method));
    expect(methods.filter((method) => !called.has(method))).toEqual([]);
  }
}

/** `emails.receiving.list` and the like: the methods of a client, found on it. */
export function methodsOf(client: object, skipped: readonly string[] = []): string[] {
  return Object.entries(client).flatMap(([name, part]: [string, unknown]) => {
    if (typeof part !== 'object' || part === null || skipped.includes(name)) return [];
    const own = Object.getOwnPropertyNames(Object.getPrototypeOf(part)).filter(
      (method) =>
        method !== 'constructor' && !/^(perform|build|append|forward(?=[A-Z])|download)/.test(method),
    );
    const inner = methodsOf(part, ['resend', ...skipped]);
    return [...own.map((method) => `${name}.${method}`), ...inner.map((method) => `${name}.${method}`)];
  });
}
