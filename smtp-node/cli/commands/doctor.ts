import { z } from 'zod';
import type { Api } from '../api.ts';
import type { Command } from '../command.ts';
import { Fault } from '../fault.ts';
import { plain } from '../print.ts';
import { domain, domains } from './domains.ts';
import { ownKey } from './keys.ts';

interface Finding {
  about: string;
  ok: boolean;
  detail: string;
}

const webhooks = z.looseObject({
  data: z.array(z.looseObject({ url: z.string(), state: z.string(), state_reason: z.string().nullable() })),
});

async function lookAtDomains(api: Api): Promise<Finding[]> {
  const { data } = await api.ask('GET', '/v1/domains', domains);
  if (data.length === 0) {
    return [{ about: 'domains', ok: false, detail: 'There is none yet: pennypost domains add DOMAIN' }];
  }
  return await Promise.all(
    data.map(async ({ domain: name }) => {
      const found = await api.ask('GET', `/v1/domains/${encodeURIComponent(name)}`, domain);
      const isFine = found.status === 'verified';
      const fixes = found.records.flatMap(({ need, status, fix }) =>
        need === 'required' && status !== 'ok' && fix !== null ? [fix] : [],
      );
      return {
        about: name,
        ok: isFine,
        detail: isFine ? 'verified' : [found.reason ?? found.status, ...fixes].join(' '),
      };
    }),
  );
}

async function lookAtWebhooks(api: Api): Promise<Finding[]> {
  const { data } = await api.ask('GET', '/v1/webhooks', webhooks);
  return data.map(({ url, state, state_reason: reason }) => ({
    about: url,
    ok: state === 'active',
    detail: reason ?? state,
  }));
}

/** What cannot be looked at is a finding too. */
async function looked(about: string, look: () => Promise<Finding[]>): Promise<Finding[]> {
  try {
    return await look();
  } catch (error) {
    if (error instanceof Fault) return [{ about, ok: false, detail: error.message }];
    throw error;
  }
}

export const doctor: Command = {
  name: 'doctor',
  about:
    'looks at the API, the key, the domains and the webhooks; the exit code is 1 when something is wrong',
  async run(context) {
    const api = await context.api();
    const key = await looked('key', async () => {
      const { scopes, environment } = await api.ask('GET', '/v1/credential', ownKey);
      return [{ about: 'key', ok: true, detail: `${environment}: ${scopes.join(', ')}` }];
    });
    const rest = key.every(({ ok }) => ok)
      ? await Promise.all([
          looked('domains', () => lookAtDomains(api)),
          looked('webhooks', () => lookAtWebhooks(api)),
        ])
      : [];
    const findings = [...key, ...rest.flat()];
    const lines = findings.map(({ about, ok, detail }) =>
      plain(`${ok ? 'ok  ' : 'FAIL'}  ${about}: ${detail}`),
    );
    return { json: { findings }, text: lines.join('\n'), failed: findings.some(({ ok }) => !ok) };
  },
};
