import type { z } from 'zod';
import { limits } from '#domain/message/submission.ts';
import type { ProblemCode } from '#domain/problem.ts';
import type { Scope } from '#domain/scope.ts';
import { accessOf } from '../../identity/access.ts';

/** A good answer. */
export interface GoodAnswer {
  status: number;
  about: string;
  /** Null: it has no body. */
  schema: z.ZodType | null;
  /** `application/json` unless told. */
  type?: string;
}

/** An operation of the public API: one row; the OpenAPI document and the reference page derive from it. */
export interface Operation {
  id: string;
  method: 'get' | 'post' | 'put' | 'patch' | 'delete';
  /** With `:name` for what varies. */
  path: string;
  summary: string;
  about: string;
  /** What the varying parts of the path are, where their names do not tell. */
  parameters?: Record<string, string>;
  query?: z.ZodObject;
  headers?: { name: string; about: string }[];
  body?: { type: string; schema: z.ZodType };
  answer: GoodAnswer;
  /** Another good answer, for those who ask for it. */
  also?: GoodAnswer;
  /** Beside 401, 403, 429 and 500, which every operation may answer. */
  problems: ProblemCode[];
  /** Errors are `{status, error}`, with these statuses. */
  shortErrors?: boolean;
}

/** What the key must be allowed to do, and whether it may be limited to domains: as the table of access says. */
export function accessOfOperation({ method, path }: Operation): {
  scope: Scope | null;
  wholeAccount: boolean;
} {
  const who = accessOf(method.toUpperCase(), path)?.who;
  if (who?.surface !== 'api') throw new Error(`${method} ${path} has no row in worker/identity/access`);
  return { scope: who.scope, wholeAccount: who.domains === 'refused' };
}

/** The operations of one kind of thing. */
export interface OperationGroup {
  name: string;
  about: string;
  operations: readonly Operation[];
}

export const idempotency = {
  name: 'Idempotency-Key',
  about: `At most ${limits.idempotencyKeyCharacters} characters, kept ${limits.idempotencyHours} hours: the same request gives the first answer again.`,
};
export const sendProblems: ProblemCode[] = [
  'invalid_json',
  'invalid_body',
  'invalid_address',
  'domain_not_allowed',
  'idempotency_conflict',
  'idempotency_in_flight',
  'too_large',
  'unsupported_media_type',
  'all_suppressed',
  'unavailable',
];

export const jsonProblems: ProblemCode[] = [
  'invalid_json',
  'invalid_body',
  'too_large',
  'unsupported_media_type',
];
