import { z } from 'zod';
import { feedbackLoopPattern } from '#domain/bounce/feedback-loops.ts';
import { type DigestPause, digestPauses } from '#domain/limits/health.ts';
import { newestRows } from '#domain/message/row-form.ts';

/**
 * Variables and secrets of the Worker: one table; the parser and the reference in the guide Settings derive from it.
 */
export const workerSettings = [
  {
    key: 'SERVICE_DOMAIN',
    secret: false,
    about: "the operator's own domain; `bounces.`, `reports.`, `_spf.` and `mx.` live below it",
    schema: z.string().regex(/^[a-z0-9.-]+\.[a-z0-9-]+$/, 'must be a domain in lower case'),
  },
  {
    key: 'NODE_TOKEN',
    secret: true,
    about: 'with which the first SMTP node asks for a token of its own',
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
      'sender of sign-in links and invitations, an address of a verified domain of an account that the operator owns; empty: `no-reply@` the domain that the operator chose on the page Installation',
    schema: z.string().max(320).default(''),
  },
  {
    key: 'PUBLIC_URL',
    secret: false,
    about:
      'where the dashboard is reached, e.g. `https://mail.example.org`: links in mails and cookies are made of it, and pages refuse every other host. Empty: pages open by a loopback host only (`npm start`)',
    schema: z
      .string()
      .refine((text) => text === '' || isOrigin(text), 'must be an https or http URL without a path')
      .transform((text) => (text === '' ? '' : new URL(text).origin))
      .default(''),
  },
  {
    key: 'SUBMISSION',
    secret: false,
    about:
      'where clients submit by SMTP, as the dashboard tells it: `host:port:tls-port`; empty: where the operator lets a node be shown',
    schema: z
      .string()
      .regex(/^([^\s:]+:\d{1,5}:\d{1,5})?$/, 'must be host:port:tls-port')
      .default(''),
  },
  {
    key: 'ALIAS_DOMAIN',
    secret: false,
    about:
      'the domain, of type `alias` and verified for an account of the operator, at which every account may have aliases; empty: none is shared',
    schema: z
      .string()
      .regex(/^([a-z0-9-]+(\.[a-z0-9-]+)+)?$/, 'must be a domain in lower case')
      .default(''),
  },
  {
    key: 'DIGEST_PAUSE',
    secret: false,
    about:
      'sender health of an account at which its mail of class `digest` waits until it is better: `warning`, `danger` or `critical`; `off`: it never waits for that',
    schema: z.enum(digestPauses).default('off'),
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
    key: 'SOURCE_HEADER',
    secret: false,
    about:
      'header field in which the proxy in front tells where a request comes from, whatever the client says in it; empty: nobody tells, and all requests are of one source. `npm start` leaves it empty',
    schema: z
      .string()
      .regex(/^[A-Za-z0-9-]{0,64}$/, 'must be the name of a header field')
      .default('CF-Connecting-IP'),
  },
  {
    key: 'FEEDBACK_LOOPS',
    secret: false,
    about:
      'feedback loops besides the known ones whose signed reports suppress: From addresses, or domains from which nobody else can send; comma-separated',
    schema: z.string().max(4096).default('').transform(loopList),
  },
  {
    key: 'WRITES_ROWS',
    secret: false,
    about:
      'the form in which rows of mail are written: a deployment sets it to what the version before can read, so that one can go back to that; the next deployment sets it to the newest',
    schema: z
      .string()
      .default(String(newestRows))
      .refine((text) => /^\d{1,3}$/.test(text) && +text >= 1 && +text <= newestRows, {
        message: `must be a number from 1 to ${newestRows}`,
      })
      .transform(Number),
  },
  {
    key: 'DNS_TOKEN',
    secret: true,
    about:
      'a token of Cloudflare for the zone of `DNS_ZONE`. With the permission Zone > DNS > Edit, keys of domains that delegate DKIM are published by it; with Zone > SSL and Certificates > Edit, certificates of link hosts are asked for. Empty: you publish those keys (`GET /admin/v1/dkim-records`) and attach those hosts yourself',
    schema: z.string().max(256).default(''),
  },
  {
    key: 'DNS_ZONE',
    secret: false,
    about: 'id of the zone that `SERVICE_DOMAIN` is in, with `DNS_TOKEN`',
    schema: z
      .string()
      .regex(/^([0-9a-f]{32})?$/, 'must be the id of a zone, 32 hexadecimal digits')
      .default(''),
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
  /** An origin; empty: not known. */
  publicUrl: string;
  submission: string;
  /** Empty: none. */
  aliasDomain: string;
  digestPause: DigestPause;
  meter: boolean;
  dohUrl: string;
  /** Empty: nobody tells. */
  sourceHeader: string;
  /** `feedbackLoopPattern` each. */
  feedbackLoops: string[];
  /** `domain/message/row-form.ts`. */
  writesRows: number;
  /** Empty: none. */
  dnsToken: string;
  dnsZone: string;
  allowLocalWebhooks: boolean;
}

function isOrigin(text: string): boolean {
  if (!/^https?:/.test(text) || !URL.canParse(text)) return false;
  const { origin, pathname, search, hash, username } = new URL(text);
  return (
    pathname === '/' && search + hash + username === '' && text.replace(/\/$/, '').toLowerCase() === origin
  );
}

function loopList(text: string, context: z.RefinementCtx): string[] {
  const loops = text
    .split(',')
    .map((part) => part.trim().toLowerCase())
    .filter((part) => part !== '');
  if (loops.some((loop) => !feedbackLoopPattern.test(loop))) {
    context.addIssue({
      code: 'custom',
      message: 'must be addresses or domains, several separated by commas',
    });
  }
  return loops;
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
