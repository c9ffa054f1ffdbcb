import { z } from '@hono/zod-openapi';
import { keptPublishedMs } from '#domain/dns/delegated-dkim.ts';
import { formatDkimRecord } from '#domain/dns/dkim-record.ts';
import { zoneSnippet } from '#domain/dns/zone-snippet.ts';
import { newApp, queryOf } from '../http/app.ts';
import { listDelegatedKeys } from '../store/domains.ts';
import { everyHome } from '../store/store.ts';

/** `/admin/v1/dkim-records`: keys of domains that delegate DKIM, as they are published below the service domain. */
export const adminDkimApp = newApp();

const query = z.object({ format: z.enum(['json', 'bind']).default('json') });

adminDkimApp.get('/dkim-records', async (c) => {
  const { format } = queryOf(c, query);
  const since = Date.now() - keptPublishedMs;
  const homes = await Promise.all(everyHome(c.get('store')).map((home) => listDelegatedKeys(home, since)));
  const records = homes.flat().map(({ domain, target, publicKey }) => ({
    domain,
    type: 'TXT' as const,
    name: target,
    value: formatDkimRecord({ algorithm: 'rsa-sha256', publicKey }),
  }));
  if (format === 'json') return c.json({ data: records });
  const { serviceDomain } = c.get('env');
  return c.text(
    zoneSnippet(
      serviceDomain,
      records.map(({ domain, ...one }) => ({ ...one, comment: domain })),
      300,
    ),
  );
});
