import { z } from 'zod';
import { mostHomes } from '#domain/message/home.ts';
import { type Settings, workerSettings } from './settings.ts';

/**
 * The one file that reads bindings, variables and secrets. `parseEnv` is called at each door; all errors are
 * said at once.
 */
const bindings = [
  'DB',
  'RAW',
  'DELIVERY',
  'WEBHOOK',
  'HUB',
  'SENDER',
  'PAGES_LIMIT',
  'TRIES_LIMIT',
  'TRACKING_LIMIT',
  'GUESSES_LIMIT',
  'ALL_GUESSES_LIMIT',
] as const;

export interface Bindings {
  /** Control, which is the home 0; further homes are `DB_1`, `DB_2` and so on, without a gap. */
  DB: D1Database;
  [name: `DB_${number}`]: D1Database;
  RAW: R2Bucket;
  DELIVERY: Queue<DeliveryPointers | HomeTick | CarryOrder | AccountMove>;
  WEBHOOK: Queue<EventPointers>;
  HUB: DurableObjectNamespace;
  SENDER: DurableObjectNamespace;
  /** Cloudflare Email Service, by which the Worker sends itself; left out: mail leaves by nodes alone. */
  EMAIL?: SendEmail;
  /** What one source may ask of pages that are open to everybody, and of links in mails. */
  PAGES_LIMIT: RateLimit;
  TRIES_LIMIT: RateLimit;
  TRACKING_LIMIT: RateLimit;
  /** Passwords that strangers may have us hash: one source, and all of them. */
  GUESSES_LIMIT: RateLimit;
  ALL_GUESSES_LIMIT: RateLimit;
}

/** Body of a message in the queue of deliveries: pointers, never mail. */
export const deliveryPointers = z.object({
  pointers: z.array(z.object({ messageId: z.string(), class: z.string() })).max(1000),
});
export type DeliveryPointers = z.infer<typeof deliveryPointers>;

/** Body of a message in the queue of webhooks: accounts that have new events. */
export const eventPointers = z.object({ accountIds: z.array(z.number().int()).max(1000) });
export type EventPointers = z.infer<typeof eventPointers>;

/** Body of a message in the queue of deliveries: cron ticks in a home, or goes on there. */
export const homeTick = z.strictObject({
  home: z.number().int().min(1),
  /** When cron ticked, Unix ms. */
  tickMs: z.number().int(),
  /** Only what has more to do. */
  goesOn: z.boolean(),
});
export type HomeTick = z.infer<typeof homeTick>;

/** Body of a message in the queue of deliveries: there may be mail that the Worker carries itself. */
export const carryOrder = z.strictObject({
  carry: z.literal(true),
  /** Where the run before has ended; null: from the beginning of the queue. */
  place: z
    .string()
    .max(64 * 1024)
    .nullable(),
});
export type CarryOrder = z.infer<typeof carryOrder>;

/** Body of a message in the queue of deliveries: the move of an account to another home goes on. */
export const accountMove = z.strictObject({ move: z.number().int().min(1) });
export type AccountMove = z.infer<typeof accountMove>;

export interface Env extends Settings {
  bindings: Bindings;
}

/** Variables, secrets or bindings are missing or wrong; the message is for the log alone. */
export class NotConfigured extends Error {}

const parsed = new WeakMap<object, Env>();

/** Homes are counted by their bindings, so none may be left out. */
function gapsOf(source: Record<string, unknown>): string[] {
  const there = Object.keys(source).flatMap((name) => /^DB_([1-9]\d{0,2})$/.exec(name)?.[1] ?? []);
  const last = Math.max(0, ...there.map(Number));
  if (last >= mostHomes) return [`binding DB_${last} is one too many: there are at most ${mostHomes} homes`];
  return Array.from({ length: last }, (_, i) => `DB_${i + 1}`)
    .filter((name) => !source[name])
    .map((name) => `binding ${name} is missing, and DB_${last} is there (wrangler.toml)`);
}

/** The parsed environment. @throws NotConfigured, which names everything that is missing or wrong */
export function parseEnv(raw: unknown): Env {
  const known = typeof raw === 'object' && raw !== null ? parsed.get(raw) : undefined;
  if (known) return known;
  const source = z.record(z.string(), z.unknown()).parse(raw);
  const faults: string[] = [];
  for (const name of bindings) if (!source[name]) faults.push(`binding ${name} is missing (wrangler.toml)`);
  faults.push(...gapsOf(source));
  const setting = <T>(schema: z.ZodType<T>, key: string, secret: boolean): T | undefined => {
    const result = schema.safeParse(source[key]);
    if (result.success) return result.data;
    const fix = `set it with: npm run deploy${secret ? '' : ` -- --var ${key}=…`}`;
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
    publicUrl,
    submission,
    aliasDomain,
    digestPause,
    meter,
    dohUrl,
    sourceHeader,
    feedbackLoops,
    writesRows,
    dnsToken,
    dnsZone,
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
    publicUrl: setting(publicUrl.schema, publicUrl.key, publicUrl.secret),
    submission: setting(submission.schema, submission.key, submission.secret),
    aliasDomain: setting(aliasDomain.schema, aliasDomain.key, aliasDomain.secret),
    digestPause: setting(digestPause.schema, digestPause.key, digestPause.secret),
    meter: setting(meter.schema, meter.key, meter.secret),
    dohUrl: setting(dohUrl.schema, dohUrl.key, dohUrl.secret),
    sourceHeader: setting(sourceHeader.schema, sourceHeader.key, sourceHeader.secret),
    feedbackLoops: setting(feedbackLoops.schema, feedbackLoops.key, feedbackLoops.secret),
    writesRows: setting(writesRows.schema, writesRows.key, writesRows.secret),
    dnsToken: setting(dnsToken.schema, dnsToken.key, dnsToken.secret),
    dnsZone: setting(dnsZone.schema, dnsZone.key, dnsZone.secret),
    allowLocalWebhooks: setting(allowLocalWebhooks.schema, allowLocalWebhooks.key, allowLocalWebhooks.secret),
  };
  if (faults.length > 0) throw new NotConfigured(`configuration: ${faults.join('; ')}`);
  const env: Env = { ...(settings as Settings), bindings: raw as Bindings };
  if (typeof raw === 'object' && raw !== null) parsed.set(raw, env);
  return env;
}
