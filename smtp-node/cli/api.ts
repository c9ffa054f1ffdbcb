import { z } from 'zod';
import { Fault } from './fault.ts';
import type { Profile } from './profile.ts';

const problem = z.object({ detail: z.string() });

/** Calls of the API with a key. */
export interface Api {
  url: string;
  /**
   * The answer, read by a schema.
   * @param path with its query, behind the base URL
   * @throws Fault with the API's own sentence
   */
  ask<T extends z.ZodType>(
    method: string,
    path: string,
    schema: T,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<z.output<T>>;
}

/** After so long without an answer a call fails. */
const timeoutMs = 60_000;

export function openApi({ url, key }: Profile): Api {
  return {
    url,
    async ask(method, path, schema, body, headers = {}) {
      let response: Response;
      try {
        response = await fetch(`${url}${path}`, {
          method,
          headers: {
            Authorization: `Bearer ${key}`,
            ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
            ...headers,
          },
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
          signal: AbortSignal.timeout(timeoutMs),
          redirect: 'error',
        });
      } catch (error) {
        const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
        throw new Fault(`${url} gives no answer: ${cause instanceof Error ? cause.message : String(cause)}`);
      }
      const text = await response.text();
      const answer = parsed(text);
      if (!response.ok) {
        throw new Fault(problem.safeParse(answer).data?.detail ?? `${url} answers ${response.status}`);
      }
      const read = schema.safeParse(answer);
      if (!read.success) throw new Fault(`${url}${path} answers what this version cannot read.`);
      return read.data;
    },
  };
}

function parsed(text: string): unknown {
  try {
    return text === '' ? null : JSON.parse(text);
  } catch {
    return null;
  }
}

/** A query of what is given; '' when nothing is. */
export function queryOf(fields: Readonly<Record<string, string | undefined>>): string {
  const given = Object.entries(fields).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value]],
  );
  return given.length === 0 ? '' : `?${new URLSearchParams(given as [string, string][])}`;
}
