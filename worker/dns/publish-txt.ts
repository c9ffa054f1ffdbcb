import { z } from 'zod';
import { quoteTxt } from '#domain/dns/dns.ts';

/** The zone of the service domain, and a token that may edit its records. */
export interface ZoneAccess {
  token: string;
  zoneId: string;
}

const api = 'https://api.cloudflare.com/client/v4';
const ttlSeconds = 300;
const answer = z.object({
  success: z.boolean(),
  errors: z.array(z.object({ code: z.number(), message: z.string() })).nullish(),
  result: z.unknown().optional(),
});
const records = z.array(z.object({ id: z.string(), content: z.string() }));

/**
 * Sets the TXT record of a name in a zone at Cloudflare, in place of the one that is there.
 * @throws Error that says what was refused
 */
export async function publishTxt(zone: ZoneAccess, name: string, value: string): Promise<void> {
  const [first, ...others] = records.parse(
    await ask(zone, 'GET', `?type=TXT&name=${encodeURIComponent(name)}`),
  );
  const content = quoteTxt(value);
  for (const { id } of others) await ask(zone, 'DELETE', `/${id}`);
  if (first?.content === content) return;
  const record = { type: 'TXT', name, content, ttl: ttlSeconds };
  await (first ? ask(zone, 'PUT', `/${first.id}`, record) : ask(zone, 'POST', '', record));
}

async function ask({ token, zoneId }: ZoneAccess, method: string, path: string, body?: object) {
  const response = await fetch(`${api}/zones/${zoneId}/dns_records${path}`, {
    method,
    headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
    signal: AbortSignal.timeout(10_000),
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  const read = answer.safeParse(await response.json().catch(() => null));
  if (read.data?.success) return read.data.result;
  const [why] = read.data?.errors ?? [];
  throw new Error(
    `the DNS API refused ${method}: ${why?.message ?? 'no reason'} [${why?.code ?? response.status}]`,
  );
}
