import { z } from '@hono/zod-openapi';
import type { EndpointScope } from '#domain/inbound/endpoint-scope.ts';
import { receives } from '#domain/inbound/route.ts';
import { Problem } from '#domain/problem.ts';
import {
  mayHaveUser,
  receivedEvent,
  receivedOnly,
  type WebhookFormat,
  webhookLimits,
} from '#domain/webhook.ts';
import { type Call, invalidBody } from '../http/app.ts';
import { asciiDomain } from '../intake/recipient.ts';
import { findDomain } from '../store/domains.ts';
import { targetGuard } from '../webhook/guard.ts';
import { pattern } from './inbound-routes.ts';

/** Where an endpoint is, and to which received mail it is bound. */

export const url = z
  .string()
  .max(webhookLimits.urlCharacters)
  .meta({ description: 'An https URL at a public address.' });

export const scope = {
  domain: z.string().max(253).nullable().meta({
    description:
      'Hears of received mail to this domain only, and of no other events unless `events` names them; null: of all domains.',
  }),
  address_pattern: pattern.nullable().meta({
    description: 'Of the mail to `domain`, that to a local part (`info`), a prefix (`support+*`), or `*`.',
  }),
  authorization_url: url.nullable().meta({
    description:
      'Asked at each RCPT by a signed POST of `{size, to, from, remote_ip, helo_domain, spf: {result, domain}}`: 2xx takes the recipient, 4xx refuses it (550, in the words of a plain text), anything else makes the sender try again (450).',
  }),
};
type Scope = { [K in keyof typeof scope]?: z.output<(typeof scope)[K]> | undefined };

/** What an endpoint hears of that names no events: received mail, where it is for nothing else, or Postscale's; null: all. */
export function ownEvents(format: WebhookFormat, domain: string | null): string[] | null {
  const received = format === 'postscale' || receivedOnly.includes(format) || domain !== null;
  return received ? [receivedEvent] : null;
}

/**
 * The columns of what a body says of its scope.
 * @throws Problem when the domain is none of the account that receives, or there is a pattern without a domain
 */
export async function scopeOf(c: Call, body: Scope, before: EndpointScope | null) {
  const { domain, address_pattern: pattern, authorization_url: authorizationUrl } = body;
  if (authorizationUrl) await requireTarget(c, 'raw', authorizationUrl, 'authorization_url');
  const name = domain ? asciiDomain(domain.trim().toLowerCase()) : domain;
  const scoped: EndpointScope = {
    domain: name === undefined ? (before?.domain ?? null) : name,
    addressPattern: pattern === undefined ? (before?.addressPattern ?? null) : pattern,
  };
  if (scoped.domain === null && scoped.addressPattern !== null) {
    throw invalidBody([{ path: ['address_pattern'], message: 'needs a domain whose addresses it means' }]);
  }
  const known = name ? await findDomain(c.get('store'), c.get('credential').accountId, name) : null;
  if (name && !(known && receives(known.type))) {
    throw invalidBody([{ path: ['domain'], message: 'must be a domain of this account that receives' }]);
  }
  return { ...scoped, ...(authorizationUrl === undefined ? {} : { authorizationUrl }) };
}

/** @throws Problem when a URL must not be called */
export async function requireTarget(
  c: Call,
  format: WebhookFormat,
  target: string,
  field: 'url' | 'authorization_url' = 'url',
): Promise<void> {
  const parsed = URL.canParse(target) ? new URL(target) : null;
  if (parsed && parsed.username + parsed.password !== '' && !mayHaveUser(format)) {
    throw invalidBody([
      { path: [field], message: 'must not have a user or password, but for formats of received mail' },
    ]);
  }
  if (parsed) parsed.username = parsed.password = '';
  const fault = await targetGuard(c.get('env'))(parsed?.href ?? target);
  if (!fault) return;
  if (fault.temporary) throw new Problem('unavailable', `The URL ${fault.text}; try again.`);
  throw invalidBody([{ path: [field], message: fault.text }]);
}
