import { z } from 'zod';
import type { Settings } from '../settings.ts';

/** The zone of the service domain at Cloudflare, and a token that may change it. */
export interface ZoneAccess {
  token: string;
  zoneId: string;
}

/** What the operator has given for it; null: nothing. */
export function zoneOf({ dnsToken, dnsZone }: Pick<Settings, 'dnsToken' | 'dnsZone'>): ZoneAccess | null {
  return dnsToken === '' || dnsZone === '' ? null : { token: dnsToken, zoneId: dnsZone };
}

const api = 'https://api.cloudflare.com/client/v4';
const answer = z.object({
  success: z.boolean(),
  errors: z.array(z.object({ code: z.number(), message: z.string() })).nullish(),
  result: z.unknown().optional(),
});

/**
 * Asks the API for something of a zone.
 * @param path below the zone, e.g. `/dns_records?type=TXT`
 * @returns `result` of the answer
 * @throws Error that says what was refused, or that nobody answered
 */
export async function askZone(
  { token, zoneId }: ZoneAccess,
  method: string,
  path: string,
  body?: object,
): Promise<unknown> {
  const response = await fetch(`${api}/zones/${zoneId}${path}`, {
    method,
    headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
    signal: AbortSignal.timeout(10_000),
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  const read = answer.safeParse(await response.json().catch(() => null));
  if (read.data?.success) return read.data.result;
  const [why] = read.data?.errors ?? [];
  throw new Error(
    `the API of the zone refused ${method}: ${why?.message ?? 'no reason'} [${why?.code ?? response.status}]`,
  );
}
