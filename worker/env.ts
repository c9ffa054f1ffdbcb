import { z } from 'zod';
import { type Settings, workerSettings } from './settings.ts';

/**
 * The one file that reads bindings, variables and secrets. `parseEnv` is called at each door; all errors are
 * said at once.
 */
const bindings = ['DB', 'RAW', 'DELIVERY', 'WEBHOOK', 'HUB', 'SENDER'] as const;

export interface Bindings {
  DB: D1Database;
  RAW: R2Bucket;
  DELIVERY: Queue<DeliveryPointers>;
  WEBHOOK: Queue<EventPointers>;
  HUB: DurableObjectNamespace;
  SENDER: DurableObjectNamespace;
}

/** Body of a message in the `delivery` queue: pointers, never mail. */
export const deliveryPointers = z.object({
  pointers: z.array(z.object({ messageId: z.string(), class: z.string() })).max(1000),
});
export type DeliveryPointers = z.infer<typeof deliveryPointers>;

/** Body of a message in the `webhook` queue: accounts that have new events. */
export const eventPointers = z.object({ accountIds: z.array(z.number().int()).max(1000) });
export type EventPointers = z.infer<typeof eventPointers>;

export interface Env extends Settings {
  bindings: Bindings;
}

const parsed = new WeakMap<object, Env>();

/** The parsed environment; throws one error that names everything that is missing or wrong. */
export function parseEnv(raw: unknown): Env {
  const known = typeof raw === 'object' && raw !== null ? parsed.get(raw) : undefined;
  if (known) return known;
  const source = z.record(z.string(), z.unknown()).parse(raw);
  const faults: string[] = [];
  for (const name of bindings) if (!source[name]) faults.push(`binding ${name} is missing (wrangler.toml)`);
  const setting = <T>(schema: z.ZodType<T>, key: string, secret: boolean): T | undefined => {
    const result = schema.safeParse(source[key]);
    if (result.success) return result.data;
    const fix = secret ? `set it with: wrangler secret put ${key}` : 'set it in wrangler.toml, [vars]';
    faults.push(`${key} ${result.error.issues[0]?.message ?? 'is not valid'}; ${fix}`);
    return undefined;
  };
  const [
    serviceDomain,
    nodeToken,
    operatorToken,
    returnPathKeys,
    encryptionKeys,
    authSecret,
    mailFrom,
    submission,
    meter,
    dohUrl,
    allowLocalWebhooks,
  ] = workerSettings;
  const settings = {
    serviceDomain: setting(serviceDomain.schema, serviceDomain.key, serviceDomain.secret),
    nodeToken: setting(nodeToken.schema, nodeToken.key, nodeToken.secret),
    operatorToken: setting(operatorToken.schema, operatorToken.key, operatorToken.secret),
    returnPathKeys: setting(returnPathKeys.schema, returnPathKeys.key, returnPathKeys.secret),
    encryptionKeys: setting(encryptionKeys.schema, encryptionKeys.key, encryptionKeys.secret),
    authSecret: setting(authSecret.schema, authSecret.key, authSecret.secret),
    mailFrom: setting(mailFrom.schema, mailFrom.key, mailFrom.secret),
    submission: setting(submission.schema, submission.key, submission.secret),
    meter: setting(meter.schema, meter.key, meter.secret),
    dohUrl: setting(dohUrl.schema, dohUrl.key, dohUrl.secret),
    allowLocalWebhooks: setting(allowLocalWebhooks.schema, allowLocalWebhooks.key, allowLocalWebhooks.secret),
  };
  if (faults.length > 0) throw new Error(`configuration: ${faults.join('; ')}`);
  const env: Env = { ...(settings as Settings), bindings: raw as Bindings };
  if (typeof raw === 'object' && raw !== null) parsed.set(raw, env);
  return env;
}
