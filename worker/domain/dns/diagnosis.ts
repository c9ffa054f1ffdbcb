import { z } from 'zod';
import { type Lookup, recordsOf } from './dns.ts';

/** What is said about one thing of an installation, by the doctor or by the edge. `unknown`: it could not be looked at. */
export const diagnosisSchema = z.object({
  check: z.string(),
  status: z.enum(['ok', 'warning', 'failed', 'unknown']),
  /** What was seen, a sentence. */
  observed: z.string(),
  /** What to do about it; null when nothing is. */
  fix: z.string().nullable(),
});
export type Diagnosis = z.infer<typeof diagnosisSchema>;

export const fine = (check: string, observed: string): Diagnosis => ({
  check,
  status: 'ok',
  observed,
  fix: null,
});
export const warning = (check: string, observed: string, fix: string): Diagnosis => ({
  check,
  status: 'warning',
  observed,
  fix,
});
export const failed = (check: string, observed: string, fix: string): Diagnosis => ({
  check,
  status: 'failed',
  observed,
  fix,
});
export const unknown = (check: string, observed: string, fix: string): Diagnosis => ({
  check,
  status: 'unknown',
  observed,
  fix,
});

/** The addresses that a name has. */
export async function addressesOf(lookup: Lookup, name: string): Promise<string[]> {
  const answers = await Promise.all([lookup(name, 'A'), lookup(name, 'AAAA')]);
  return answers.flatMap(recordsOf);
}

/** The name under which an address is looked up backwards (RFC 1035 §3.5, RFC 3596 §2.5), without its suffix. */
export function reversed(address: string): string {
  if (!address.includes(':')) return address.split('.').reverse().join('.');
  const [head = '', tail = ''] = address.split('::');
  const groups = (side: string) => side.split(':').filter(Boolean);
  const [left, right] = [groups(head), groups(tail)];
  const zeros = Array.from({ length: Math.max(0, 8 - left.length - right.length) }, () => '0');
  const nibbles = [...left, ...zeros, ...right].flatMap((group) => [...group.padStart(4, '0')]);
  return nibbles.reverse().join('.');
}

/** The same address in one spelling. */
export function sameAddress(a: string, b: string): boolean {
  return a === b || reversed(a) === reversed(b);
}
