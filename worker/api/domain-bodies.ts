import { z } from '@hono/zod-openapi';
import { defaultSelector, selectorStemPattern } from '#domain/dns/dkim-selector.ts';
import { defaultReturnPathLabel, domainTypes } from '#domain/dns/record-check.ts';
import { domainName } from '../intake/domain-name.ts';

/** Bodies and queries of `/v1/domains…`. */

const label = z.string().regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, 'must be one DNS label in lower case');

const linkLabel = label.nullable().meta({
  description:
    'Links in its mail lead to `<label>.<domain>`, a CNAME of yours, while that has a certificate; null: to the service.',
});

const selectorStem = z
  .string()
  .regex(
    selectorStemPattern,
    'must be one DNS label in lower case that begins with a letter, 50 characters at most',
  )
  .meta({
    description: 'What the selectors of keys that are made begin with: `<selector>`, `<selector>2`, …',
  });

const delegated = z.boolean().meta({
  description:
    'Two selectors are CNAMEs to names of the service, where the keys are published: rotation needs nothing of you.',
});

export const newDomain = z.strictObject({
  domain: domainName,
  type: z.enum(domainTypes).default('outbound'),
  return_path_label: label.default(defaultReturnPathLabel),
  link_label: linkLabel.default(null),
  dkim_selector: selectorStem.default(defaultSelector),
  dkim_delegated: delegated.default(false),
  catch_all_enabled: z.boolean().default(true).meta({
    description: 'Of one that receives: whether it begins with a route that takes every address.',
  }),
  inbound_mx_acknowledged: z.boolean().optional().meta({
    description: 'That mail will come here once the MX does: it is so without it, too.',
  }),
});
export const domainChange = z.strictObject({
  type: z.enum(domainTypes).optional(),
  return_path_label: label.optional(),
  link_label: linkLabel.optional(),
  dkim_selector: selectorStem.optional(),
  dkim_delegated: delegated.optional(),
  active: z
    .boolean()
    .optional()
    .meta({ description: 'false switches it off; true lets it be verified again.' }),
  refuse_dmarc: z.boolean().nullable().optional().meta({
    description:
      'Whether received mail is refused that fails DMARC where its author’s domain asks for that (p=reject); null: only of the type alias.',
  }),
});
export const domainsQuery = z.object({
  limit: z.coerce.number().int().min(1).max(100).default(50),
  offset: z.coerce.number().int().min(0).max(100_000).default(0),
});
/** Anything but true or false is at fault, so that nobody cancels by a slip. */
export const removalQuery = z.object({
  cancel: z.enum(['true', 'false'], 'must be true or false').default('false').meta({
    description: '`true`: cancels what waits of the domain, with an event each, and removes it then.',
  }),
});
export const dnsQuery = z.object({
  format: z
    .enum(['json', 'bind'])
    .optional()
    .meta({ description: '`bind`: a snippet of a zone file, as with `Accept: text/plain`.' }),
});
