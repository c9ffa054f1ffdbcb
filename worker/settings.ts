import { z } from 'zod';

/**
 * Variables and secrets of the Worker: one table; the parser and the reference in README.md derive from it.
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
    about:
      'HMAC keys of return-path tokens and of links in mails, base64, 32 bytes each; comma-separated, the newest first. A key that is taken away ends the links that it made',
    schema: z.string().transform(keyList),
  },
  {
    key: 'ENCRYPTION_KEYS',
    secret: true,
    about:
      'AES-256 keys that encrypt DKIM private keys and webhook secrets, base64, 32 bytes each; comma-separated, the newest first',
    schema: z.string().transform(keyList),
  },
  {
    key: 'AUTH_SECRET',
    secret: true,
    about: 'signs the sessions of the dashboard and encrypts the secrets of authenticator apps',
    schema: z.string().min(32, 'must have at least 32 characters'),
  },
  {
    key: 'MAIL_FROM',
    secret: false,
    about:
      'sender of sign-in links and invitations, an address of a verified domain; empty: `no-reply@` the oldest one',
    schema: z.string().max(320).default(''),
  },
  {
    key: 'SUBMISSION',
    secret: false,
    about:
      'where clients submit by SMTP, as the dashboard tells it: `host:port:tls-port`; empty: as the newest node says',
    schema: z
      .string()
      .regex(/^([^\s:]+:\d{1,5}:\d{1,5})?$/, 'must be host:port:tls-port')
      .default(''),
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
  {
    key: 'DOH_URL',
    secret: false,
    about: 'DNS over HTTPS endpoint (JSON form) that domains are verified and webhook URLs judged with',
    schema: z
      .string()
      .refine((text) => /^https?:/.test(text) && URL.canParse(text), 'must be an http or https URL')
      .default('https://cloudflare-dns.com/dns-query'),
  },
  {
    key: 'ALLOW_LOCAL_WEBHOOKS',
    secret: false,
    about: 'set to `1` for development: webhook endpoints may be on the loopback host, by http too',
    schema: z
      .enum(['0', '1'])
      .default('0')
      .transform((value) => value === '1'),
  },
] as const;

/** The settings, parsed. */
export interface Settings {
  serviceDomain: string;
  nodeToken: string;
  operatorToken: string;
  returnPathKeys: Uint8Array[];
  encryptionKeys: Uint8Array[];
  authSecret: string;
  mailFrom: string;
  submission: string;
  meter: boolean;
  dohUrl: string;
  allowLocalWebhooks: boolean;
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
