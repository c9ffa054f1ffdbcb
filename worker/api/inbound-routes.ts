import { z } from '@hono/zod-openapi';
import { signs } from '#domain/dns/record-check.ts';
import {
  type Decision,
  decide,
  hasRoutes,
  patternFault,
  receives,
  routeActions,
  routeLimits,
} from '#domain/inbound/route.ts';
import { parseMailbox } from '#domain/message/address.ts';
import { Problem } from '#domain/problem.ts';
import { type Call, invalidBody, newApp } from '../http/app.ts';
import { readBody } from '../http/request-body.ts';
import { noted } from '../identity/audit.ts';
import { doorsOf, partsOf, rulesFor, toldEndpoints } from '../inbound/check.ts';
import { asciiDomain } from '../intake/recipient.ts';
import { AlreadyThere, type Domain } from '../store/domains.ts';
import {
  createRoute,
  deleteRoute,
  type InboundRoute,
  listRoutes,
  updateRoute,
} from '../store/inbound-routes.ts';
import { readReceiving } from '../store/receiving.ts';
import { listEndpoints } from '../store/webhook-endpoints.ts';
import { ask, destinations } from './aliases.ts';
import { domainOf } from './domain-of.ts';

/** `/v1/domains/:id/routes`: what a domain does with the mail that it receives, by address. */
export const inboundRoutesApp = newApp();

export const pattern = z
  .string()
  .max(65)
  .transform((text) => text.trim().toLowerCase())
  .superRefine((text, context) => {
    const fault = patternFault(text);
    if (fault !== null) context.addIssue({ code: 'custom', message: fault });
  })
  .meta({ description: 'A local part (`info`), a prefix (`support+*`), or `*`.' });
const action = z.enum(routeActions);
export const targets = z.array(z.string().min(1).max(320)).max(routeLimits.targets).meta({
  description:
    '`webhook`: ids of endpoints, none for all of the account. `forward`: addresses, each of which is asked first whether it agrees.',
});
export const text = z
  .string()
  .max(routeLimits.textCharacters)
  .regex(/^[ -~]*$/, 'must be of printable ASCII characters')
  .meta({ description: '`refuse`: what the sender is told.' });
export const newRoute = z.strictObject({
  pattern,
  action,
  targets: targets.default([]),
  text: text.default(''),
});
export const routeChange = z.strictObject({ pattern, action, targets, text }).partial();
export const routeTest = z.strictObject({
  to: z.string().max(320).meta({ description: 'An address of the domain.' }),
});

inboundRoutesApp.get('/domains/:id/routes', async (c) => {
  const { domain } = await domainOf(c);
  return c.json({ data: (await listRoutes(c.get('store'), domain.id)).map(routeView) });
});

inboundRoutesApp.post('/domains/:id/routes', async (c) => {
  const domain = await receivingDomain(c);
  const read = await readBody(c, newRoute);
  const body = { ...read, targets: await targetsFor(c, domain, read) };
  const there = await listRoutes(c.get('store'), domain.id);
  if (there.length >= routeLimits.routes) {
    throw new Problem('conflict', `A domain may have ${routeLimits.routes} routes.`);
  }
  const route = await orConflict(body.pattern, () =>
    createRoute(c.get('store'), {
      ...body,
      accountId: domain.accountId,
      domainId: domain.id,
      createdAtMs: Date.now(),
    }),
  );
  noted(c, { domain: domain.name, route: route.pattern });
  return c.json(routeView(route), 201);
});

inboundRoutesApp.patch('/domains/:id/routes/:route', async (c) => {
  const domain = await receivingDomain(c);
  const route = await routeOf(c, domain);
  const read = await readBody(c, routeChange);
  const body = { ...read, targets: await targetsFor(c, domain, { ...route, ...read }) };
  const changed = await orConflict(body.pattern ?? route.pattern, () =>
    updateRoute(c.get('store'), route, body),
  );
  if (!changed) throw notFound();
  return c.json(routeView(changed));
});

inboundRoutesApp.delete('/domains/:id/routes/:route', async (c) => {
  const { domain } = await domainOf(c);
  await deleteRoute(c.get('store'), await routeOf(c, domain));
  return c.body(null, 204);
});

/** What would be done with a mail to an address, and why. */
inboundRoutesApp.post('/domains/:id/routes/test', async (c) => {
  const { domain } = await domainOf(c);
  const { to } = await readBody(c, routeTest);
  return c.json(await trialOf(c, domain, to));
});

/** What is done with mail to an address, as the door says it now. */
export async function trialOf(c: Call, domain: Domain, to: string) {
  const mailbox = parseMailbox(to.includes('@') ? to : `${to}@${domain.name}`);
  if (typeof mailbox === 'string') throw invalidBody([{ path: ['to'], message: mailbox }]);
  const address = `${mailbox.localPart}@${asciiDomain(mailbox.domain)}`;
  if (asciiDomain(mailbox.domain) !== domain.name) {
    throw invalidBody([{ path: ['to'], message: `must be an address of ${domain.name}` }]);
  }
  const store = c.get('store');
  const parts = partsOf(address);
  const receiving = (await readReceiving(store, [parts])).get(domain.name);
  const own = receiving?.id === domain.id ? receiving : null;
  const nowMs = Date.now();
  const [door] = await doorsOf(store, c.get('env'), [address], nowMs);
  const decision: Decision | null = own ? decide(own, parts.localPart, nowMs) : null;
  return {
    to: address,
    taken: door?.door !== 'refused',
    reply: door?.door === 'refused' ? `${door.reply} ${door.text}` : '250 2.1.5 OK',
    action: door?.door === 'returned' ? 'returned' : (decision?.action ?? 'refuse'),
    by: door?.door === 'returned' ? 'return paths' : (decision?.by ?? whyNot(domain)),
    endpoints:
      own && decision
        ? toldEndpoints(own, { accountId: domain.accountId, localPart: parts.localPart }, decision).map(
            ({ publicId }) => publicId,
          )
        : [],
    forward_to: decision?.action === 'forward' ? decision.to : [],
    rules: own && door?.door === 'received' ? rulesFor(own, parts.localPart).map(({ name }) => name) : [],
  };
}

function whyNot(domain: Domain): string {
  if (!receives(domain.type)) return `${domain.name} is of type ${domain.type} and does not receive`;
  return `${domain.name} is not verified for receiving: ${domain.statusReason ?? domain.status}`;
}

export async function receivingDomain(c: Call): Promise<Domain> {
  const { domain } = await domainOf(c);
  if (hasRoutes(domain.type)) return domain;
  throw new Problem(
    'conflict',
    domain.type === 'alias'
      ? `${domain.name} is of type alias: its addresses are aliases, not routes.`
      : `${domain.name} is of type ${domain.type} and does not receive; change its type to inbound or both first.`,
  );
}

/**
 * The targets of a route as they are kept; addresses that are new are asked.
 * @throws Problem when one is not what the action needs
 */
export async function targetsFor(
  c: Call,
  domain: Pick<Domain, 'name' | 'type'>,
  of: Pick<InboundRoute, 'action' | 'targets'>,
): Promise<string[]> {
  const fault = (i: number, message: string) => invalidBody([{ path: ['targets', i], message }]);
  switch (of.action) {
    case 'webhook': {
      const own = await listEndpoints(c.get('store'), c.get('credential').accountId);
      const ids = own.map(({ publicId }) => publicId);
      const unknown = of.targets.findIndex((target) => !ids.includes(target));
      if (unknown >= 0) throw fault(unknown, 'must be the id of a webhook endpoint of this account');
      return of.targets;
    }
    case 'forward': {
      const read = destinations.safeParse(of.targets);
      if (!read.success) {
        throw invalidBody(read.error.issues.map((issue) => ({ ...issue, path: ['targets', ...issue.path] })));
      }
      if (read.data.length === 0) throw fault(0, 'must be an address that mail is sent on to');
      if (!signs(domain.type)) {
        throw new Problem(
          'conflict',
          `${domain.name} is of type ${domain.type} and does not sign, and what is sent on may need its signature; change its type to both first.`,
        );
      }
      await ask(c, read.data, false);
      return read.data;
    }
    case 'drop':
    case 'refuse':
      if (of.targets.length > 0) throw fault(0, `must not be given with the action ${of.action}`);
      return [];
  }
}

async function orConflict<T>(wanted: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof AlreadyThere)) throw error;
    throw new Problem('conflict', `The domain has a route ${wanted} already.`);
  }
}

async function routeOf(c: Call, domain: Domain): Promise<InboundRoute> {
  const id = c.req.param('route') ?? '';
  const route = (await listRoutes(c.get('store'), domain.id)).find((one) => String(one.id) === id);
  if (!route) throw notFound();
  noted(c, { domain: domain.name, route: route.pattern });
  return route;
}

function notFound(): Problem {
  return new Problem('not_found', 'There is no such route.');
}

function routeView(route: InboundRoute) {
  return {
    id: route.id,
    pattern: route.pattern,
    action: route.action,
    targets: route.targets,
    text: route.text,
    created_at: new Date(route.createdAtMs).toISOString(),
  };
}
