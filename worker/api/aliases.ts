import { z } from '@hono/zod-openapi';
import { aliasFault, aliasLimits, randomLocalPart } from '#domain/inbound/alias.ts';
import { parseMailbox } from '#domain/message/address.ts';
import { Problem } from '#domain/problem.ts';
import { type Call, invalidBody, newApp, queryOf } from '../http/app.ts';
import { apiOrigin } from '../http/public-origin.ts';
import { readBody } from '../http/request-body.ts';
import { noted } from '../identity/audit.ts';
import { requireDomain, rowsOf } from '../identity/rows.ts';
import { asciiDomain } from '../intake/recipient.ts';
import { findAccount } from '../store/accounts.ts';
import {
  type Alias,
  type AliasDomain,
  countAliases,
  createAlias,
  deleteAlias,
  findAlias,
  findAliasDomain,
  findSharedDomain,
  listAliases,
  updateAlias,
} from '../store/aliases.ts';
import { type Destination, readDestinations } from '../store/destinations.ts';
import { AlreadyThere } from '../store/domains.ts';
import { listEndpoints } from '../store/webhook-endpoints.ts';
import { askDestinations } from '../system-mail/ask-destinations.ts';

/** `/v1/aliases`, and the same at `/v1/shield/aliases`, where the installation's shared domain need not be named. */
export const aliasesApp = newApp();

/** An address that mail is sent on to, as it is kept. */
export const destination = z
  .string()
  .min(3)
  .max(320)
  .transform((text, context) => {
    const read = parseMailbox(text);
    if (typeof read !== 'string') return `${read.localPart}@${asciiDomain(read.domain).toLowerCase()}`;
    context.addIssue({ code: 'custom', message: read });
    return '';
  });
export const destinations = z
  .array(destination)
  .max(aliasLimits.destinations)
  .transform((all) => [...new Set(all)])
  .meta({ description: 'Addresses that its mail is sent on to; each is asked first whether it agrees.' });
const description = z.string().max(aliasLimits.descriptionCharacters);
const webhook = z
  .string()
  .max(64)
  .nullable()
  .meta({ description: 'The id of an endpoint that is told of its mail too.' });
const masked = z.boolean().meta({
  description:
    'Its mail is sent on from an address that stands for its author; answers to that leave from the alias.',
});
const address = z
  .string()
  .max(320)
  .transform((text) => text.trim().toLowerCase())
  .meta({ description: 'A local part or a whole address; left out: one that nobody guesses.' });
export const newAlias = z.strictObject({
  domain: z.string().max(255).toLowerCase().meta({ description: 'A domain of type `alias`.' }),
  address: address.optional(),
  forward_to: destinations.default([]),
  description: description.default(''),
  is_masked: masked.default(false),
  webhook: webhook.default(null),
});
export const newSharedAlias = newAlias.extend({
  domain: newAlias.shape.domain
    .optional()
    .meta({ description: 'A domain of type `alias`; left out: the installation’s shared one.' }),
});
export const aliasChange = z
  .strictObject({ forward_to: destinations, description, is_masked: masked, webhook, active: z.boolean() })
  .partial();
export const aliasesQuery = z.object({
  limit: z.coerce.number().int().min(1).max(100).default(50),
  offset: z.coerce
    .number()
    .int()
    .min(0)
    .max(aliasLimits.aliases, `must be at most ${aliasLimits.aliases}`)
    .default(0),
  q: z
    .string()
    .min(1)
    .max(320)
    .nullable()
    .default(null)
    .meta({ description: 'Part of the address, of the description or of an address that it is sent on to.' }),
});

for (const at of ['/aliases', '/shield/aliases']) {
  const isShared = at !== '/aliases';

  aliasesApp.get(at, async (c) => {
    const { q, limit, offset } = queryOf(c, aliasesQuery);
    const { aliases, total } = await listAliases(c.get('store'), rowsOf(c), q, { limit, offset });
    return c.json({ aliases: await viewsOf(c, aliases), total, limit, offset });
  });

  aliasesApp.post(at, async (c) => {
    const body = isShared ? await readBody(c, newSharedAlias) : await readBody(c, newAlias);
    return c.json(await made(c, body), 201);
  });

  aliasesApp.get(`${at}/:id`, async (c) => c.json(await answerOf(c, await aliasOf(c))));

  aliasesApp.patch(`${at}/:id`, async (c) => {
    const alias = await aliasOf(c);
    const {
      forward_to: forwardTo = alias.forwardTo,
      is_masked: isMasked = alias.masked,
      ...body
    } = await readBody(c, aliasChange);
    await requireSomebody(c, alias, { webhook: alias.webhook, ...body, forwardTo });
    await ask(c, forwardTo, false);
    const changed = await updateAlias(
      c.get('store'),
      alias,
      { ...body, forwardTo, masked: isMasked },
      Date.now(),
    );
    if (!changed) throw notFound();
    return c.json(await answerOf(c, changed));
  });

  aliasesApp.delete(`${at}/:id`, async (c) => {
    await deleteAlias(c.get('store'), await aliasOf(c));
    return c.body(null, 204);
  });
}

/** Asks those once more who have not agreed yet. */
aliasesApp.post('/aliases/:id/verify', async (c) => {
  const alias = await aliasOf(c);
  await ask(c, alias.forwardTo, true);
  return c.json(await answerOf(c, alias));
});

async function made(c: Call, body: z.output<typeof newSharedAlias>) {
  const store = c.get('store');
  const { accountId } = c.get('credential');
  const domain = await domainOf(c, body.domain ?? c.get('env').aliasDomain);
  requireDomain(rowsOf(c), domain.name, 'The alias cannot be made');
  const localPart =
    body.address === undefined
      ? randomLocalPart(crypto.getRandomValues(new Uint8Array(10)))
      : localPartOf(body.address, domain.name);
  const of = { localPart, domain: domain.name };
  await requireSomebody(c, of, { forwardTo: body.forward_to, webhook: body.webhook });
  if ((await countAliases(store, accountId)) >= aliasLimits.aliases) {
    throw new Problem('conflict', `An account may have ${aliasLimits.aliases} aliases.`);
  }
  await ask(c, body.forward_to, false);
  const nowMs = Date.now();
  const values = {
    ...of,
    accountId,
    domainId: domain.id,
    forwardTo: body.forward_to,
    webhook: body.webhook,
    description: body.description,
    masked: body.is_masked,
    createdAtMs: nowMs,
    updatedAtMs: nowMs,
  };
  try {
    const alias = await createAlias(store, values);
    noted(c, { alias: addressOf(alias) });
    return await answerOf(c, alias);
  } catch (error) {
    if (!(error instanceof AlreadyThere)) throw error;
    throw new Problem('conflict', `There is an alias ${addressOf(of)} already; choose another address.`);
  }
}

/** @throws Problem when the account may have no aliases there */
async function domainOf(c: Call, name: string): Promise<AliasDomain> {
  const { aliasDomain } = c.get('env');
  const { accountId } = c.get('credential');
  if (name === '') {
    throw new Problem(
      'conflict',
      'This installation has no shared alias domain; name a domain of yours, of type alias.',
    );
  }
  const own = await findAliasDomain(c.get('store'), accountId, name);
  const domain = own ?? (name === aliasDomain ? await findSharedDomain(c.get('store'), name) : null);
  if (domain) return domain;
  throw invalidBody([{ path: ['domain'], message: 'must be a domain of this account, of type alias' }]);
}

function localPartOf(text: string, domain: string): string {
  const [localPart = '', ...rest] = text.split('@');
  const fault =
    rest.length > 0 && rest.join('@') !== domain ? `must be an address of ${domain}` : aliasFault(localPart);
  if (fault !== null) throw invalidBody([{ path: ['address'], message: fault }]);
  return localPart;
}

/** @throws Problem when nobody would get its mail, or it would come back to itself */
async function requireSomebody(
  c: Call,
  of: Pick<Alias, 'localPart' | 'domain'>,
  { forwardTo: to, webhook: endpoint }: Pick<Alias, 'forwardTo' | 'webhook'>,
): Promise<void> {
  if (to.length === 0 && endpoint === null) {
    throw invalidBody([{ path: ['forward_to'], message: 'must have an address where no webhook is named' }]);
  }
  const itself = to.findIndex((one) => one.toLowerCase() === addressOf(of));
  if (itself >= 0)
    throw invalidBody([{ path: ['forward_to', itself], message: 'must not be the alias itself' }]);
  if (endpoint === null) return;
  const own = await listEndpoints(c.get('store'), c.get('credential').accountId);
  if (!own.some(({ publicId }) => publicId === endpoint)) {
    throw invalidBody([
      { path: ['webhook'], message: 'must be the id of a webhook endpoint of this account' },
    ]);
  }
}

/** Asks new destinations, or, `again`, those that wait. @throws Problem when that may not be */
export async function ask(c: Call, addresses: readonly string[], again: boolean): Promise<Destination[]> {
  const { accountId } = c.get('credential');
  const account = await findAccount(c.get('store'), accountId);
  const asker = { accountId, accountName: account?.name ?? '', origin: apiOrigin(c) };
  return await askDestinations(c.get('store'), c.get('env'), asker, addresses, { again, nowMs: Date.now() });
}

async function aliasOf(c: Call): Promise<Alias> {
  const id = c.req.param('id') ?? '';
  const alias = /^\d{1,15}$/.test(id) ? await findAlias(c.get('store'), rowsOf(c), Number(id)) : null;
  if (!alias) throw notFound();
  noted(c, { alias: addressOf(alias) });
  return alias;
}

function notFound(): Problem {
  return new Problem('not_found', 'There is no such alias.');
}

function addressOf({ localPart, domain }: Pick<Alias, 'localPart' | 'domain'>): string {
  return `${localPart}@${domain}`;
}

async function answerOf(c: Call, alias: Alias) {
  const [view] = await viewsOf(c, [alias]);
  return { alias: view };
}

async function viewsOf(c: Call, aliases: readonly Alias[]) {
  const { accountId } = c.get('credential');
  const addresses = [...new Set(aliases.flatMap((alias) => alias.forwardTo))];
  const known = addresses.length === 0 ? [] : await readDestinations(c.get('store'), accountId, addresses);
  const states = new Map(known.map(({ address: name, state }) => [name, state]));
  return aliases.map((alias) => ({
    id: alias.id,
    org_id: alias.accountId,
    domain_id: alias.domainId,
    address: addressOf(alias),
    domain: alias.domain,
    forward_to: alias.forwardTo,
    destinations: alias.forwardTo.map((name) => ({ address: name, state: states.get(name) ?? 'pending' })),
    action: alias.forwardTo.length > 0 ? ('forward' as const) : ('webhook' as const),
    webhook: alias.webhook,
    description: alias.description,
    is_masked: alias.masked,
    masked_description: alias.masked ? alias.description : null,
    emails_received: alias.received,
    emails_forwarded: alias.forwarded,
    emails_answered: alias.answered,
    last_received_at: alias.lastReceivedAtMs === null ? null : new Date(alias.lastReceivedAtMs).toISOString(),
    active: alias.active,
    created_at: new Date(alias.createdAtMs).toISOString(),
    updated_at: new Date(alias.updatedAtMs).toISOString(),
  }));
}
