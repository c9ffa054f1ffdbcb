import { z } from 'zod';
import { quoteTxt } from '#domain/dns/dns.ts';
import { askZone, type ZoneAccess } from './zone-api.ts';

const path = '/dns_records';
const ttlSeconds = 300;
const records = z.array(z.object({ id: z.string(), content: z.string() }));

/**
 * Sets the TXT record of a name in a zone at Cloudflare, in place of the one that is there.
 * @throws Error that says what was refused
 */
export async function publishTxt(zone: ZoneAccess, name: string, value: string): Promise<void> {
  const [first, ...others] = records.parse(
    await askZone(zone, 'GET', `${path}?type=TXT&name=${encodeURIComponent(name)}`),
  );
  const content = quoteTxt(value);
  for (const { id } of others) await askZone(zone, 'DELETE', `${path}/${id}`);
  if (first?.content === content) return;
  const record = { type: 'TXT', name, content, ttl: ttlSeconds };
  await (first ? askZone(zone, 'PUT', `${path}/${first.id}`, record) : askZone(zone, 'POST', path, record));
}
