import { z } from 'zod';

/**
 * The one file that reads bindings, variables and secrets. `parseEnv` is called at each door; all errors are
 * said at once.
 */
export const workerSettings = [
  {
    key: 'SERVICE_DOMAIN',
    secret: false,
    about: "the operator's own domain; `bounces.`, `_spf.` and `mx.` live below it",
    schema: z.string().regex(/^[a-z0-9.-]+\.[a-z0-9-]+$/, 'must be a domain in lower case'),
  },
  {
    key: 'NODE_TOKEN',
    secret: true,
    about: 'what SMTP nodes show to the edge',
    schema: z.string().min(32, 'must have at least 32 characters'),
  },
  {
    key: 'OPERATOR_TOKEN',
    secret: true,
    about: 'what opens `/admin/v1`',
    schema: z.string().min(32, 'must have at least 32 characters'),
  },
  {
    key: 'RETURN_PATH_KEYS',
    secret: true,
    about: 'HMAC keys of return-path tokens, base64, 32 bytes each; comma-separated, the newest first',
    schema: z.string().transform(keyList),
  },
  {
    key: 'ENCRYPTION_KEYS',
    secret: true,
    about:
      'AES-256 keys that encrypt DKIM private keys, base64, 32 bytes each; comma-separated, the newest first',
    schema: z.string().transform(keyList),
  },
  {
    key: 'METER',
    secret: false,
    about: 'set to `1`: every answer tells in `Server-Timing` what it cost at D1',
    schema: z
      .enum(['0', '1'])
      .default('0')
      .transform((value) => value === '1'),
  },
] as const;

const bindings = ['DB', 'RAW', 'DELIVERY', 'HUB'] as const;

export interface Bindings {
  DB: D1Database;
  RAW: R2Bucket;
  DELIVERY: Queue<DeliveryPointers>;
  HUB: DurableObjectNamespace;
}

/** Body of a message in the `delivery` queue: pointers, never mail. */
export const deliveryPointers = z.object({
  pointers: z.array(z.object({ messageId: z.string(), class: z.string() })).max(1000),
});
export type DeliveryPointers = z.infer<typeof deliveryPointers>;

export interface Settings {
  serviceDomain: string;
  nodeToken: string;
  operatorToken: string;
  returnPathKeys: Uint8Array[];
  encryptionKeys: Uint8Array[];
  meter: boolean;
}

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
  const [serviceDomain, nodeToken, operatorToken, returnPathKeys, encryptionKeys, meter] = workerSettings;
  const settings = {
    serviceDomain: setting(serviceDomain.schema, serviceDomain.key, serviceDomain.secret),
    nodeToken: setting(nodeToken.schema, nodeToken.key, nodeToken.secret),
    operatorToken: setting(operatorToken.schema, operatorToken.key, operatorToken.secret),
    returnPathKeys: setting(returnPathKeys.schema, returnPathKeys.key, returnPathKeys.secret),
    encryptionKeys: setting(encryptionKeys.schema, encryptionKeys.key, encryptionKeys.secret),
    meter: setting(meter.schema, meter.key, meter.secret),
  };
  if (faults.length > 0) throw new Error(`configuration: ${faults.join('; ')}`);
  const env: Env = { ...(settings as Settings), bindings: raw as Bindings };
  if (typeof raw === 'object' && raw !== null) parsed.set(raw, env);
  return env;
}

function keyList(text: string, context: z.RefinementCtx): Uint8Array[] {
  const keys = text.split(',').map((part) => decodeBase64(part.trim()));
  if (keys.length === 0 || keys.some((key) => key?.length !== 32)) {
    context.addIssue({ code: 'custom', message: 'must be base64 of 32 bytes, several separated by commas' });
  }
  return keys.filter((key) => key !== null);
}

function decodeBase64(text: string): Uint8Array | null {
  try {
    return Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  } catch {
    return null;
  }
}
