import { type DnsAnswer, type DnsFailure, provesAbsence } from './dns.ts';

/** What a look at a record found, and the words in which it is told. */

export const checkStatuses = ['ok', 'missing', 'wrong', 'multiple', 'lookup_failed'] as const;
export type CheckStatus = (typeof checkStatuses)[number];

/** What was found. */
export interface Finding {
  status: CheckStatus;
  observed: string[];
  /** One sentence that says the exact fix; with `ok` it is advice or null. */
  fix: string | null;
  /** The domain at which it was found, where that is a choice (DKIM: the domain itself or its parent). */
  foundAt: string | null;
}

/** True when the answer tells nothing about the record. */
export function isFailure(answer: DnsAnswer): answer is Extract<DnsAnswer, { failure: unknown }> {
  return 'failure' in answer && !provesAbsence(answer);
}

/** Advice to publish a record. */
export function publish({ type, name, value }: { type: string; name: string; value: string }): string {
  return `Publish a ${type} record at ${name}: ${value}`;
}

export function ok(observed: string[]): Finding {
  return { status: 'ok', observed, fix: null, foundAt: null };
}

export function missing(fix: string): Finding {
  return { status: 'missing', observed: [], fix, foundAt: null };
}

export function wrong(observed: string[], fix: string): Finding {
  return { status: 'wrong', observed, fix, foundAt: null };
}

export function lookupFailed(name: string, failure: DnsFailure, observed: string[] = []): Finding {
  const fix = `Nothing to change yet: DNS did not answer for ${name} (${failure}); it is asked again. If it lasts, look at the name servers.`;
  return { status: 'lookup_failed', observed, fix, foundAt: null };
}
