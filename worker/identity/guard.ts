import type { Next } from 'hono';
import { matchedRoutes } from 'hono/route';
import { firstHome } from '#domain/message/home.ts';
import { Problem } from '#domain/problem.ts';
import type { Call } from '../http/app.ts';
import { errorAnswer } from '../pages/answer.tsx';
import { storeOfAccount } from '../store/account-homes.ts';
import { verifyAttachmentLink } from '../tokens/attachment-links.ts';
import { bearerSecret, bearerToken, equalSecrets, homeOfSecret } from '../tokens/secret.ts';
import type { Access, Who } from './access/row.ts';
import { accessOf } from './access.ts';
import { audit } from './audit.ts';
import { authorizationOf, checkDomainRule, credentialOf } from './credential.ts';
import { nothingOnLinkHost } from './link-hosts.ts';
import { nodeOf } from './node.ts';
import { withinLimit } from './source.ts';

/**
 * Lets through whoever may use the route that a request leads to, before anything else of it is read. Roles of members
 * are looked at by the boards of the dashboard, which know who is signed in.
 */
export async function guard(c: Call, next: Next): Promise<Response | undefined> {
  const row = rowOf(c);
  const refusal = (await nothingOnLinkHost(c, row)) ?? (row && (await refusalOf(c, row.who)));
  if (refusal) return refusal;
  await next();
  if (row) await audit(c, row);
  return undefined;
}

/** The row of the route that will answer; null: none will. */
function rowOf(c: Call): Access | null {
  const route = matchedRoutes(c).find(({ method }) => method !== 'ALL');
  return route ? accessOf(route.method, route.path) : null;
}

/** @throws Problem for programs; gives the page of it to people */
async function refusalOf(c: Call, who: Who): Promise<Response | null> {
  switch (who.surface) {
    case 'api':
      goHome(c);
      if (who.byIntake) return null;
      if (who.byLink) await followLink(c);
      c.set('credential', await credentialOf(c, who.scope));
      checkDomainRule(c.get('credential'), who.domains);
      return null;
    case 'operator':
      await requireToken(c, c.get('env').operatorToken, 'operator');
      return null;
    case 'node':
      c.set('nodeId', await nodeOf(c));
      return null;
    case 'enrolment':
      await requireToken(c, c.get('env').nodeToken, 'node');
      return null;
    case 'tracking':
    case 'public': {
      if (who.limit === null || (await withinLimit(c, who.limit))) return null;
      const problem = new Problem('rate_limit_exceeded', 'Too many requests came from you. Wait a minute.', {
        headers: { 'Retry-After': '60' },
      });
      if (who.surface === 'tracking') {
        // What a mail shows and where it leads is not to break because many read it behind one address.
        c.set('uncounted', problem);
        return null;
      }
      if (!(c.req.header('Accept') ?? '').includes('text/html')) throw problem;
      return errorAnswer(c, problem);
    }
    case 'dashboard':
      return null;
  }
}

/** Whoever has a good link asks for the account that it is of. */
async function followLink(c: Call): Promise<void> {
  const link = c.req.query('link');
  const [, receivedId, attachmentId] =
    /^\/v1\/inbound-emails\/([^/]+)\/attachments\/([^/]+)\/download$/.exec(c.req.path) ?? [];
  if (link === undefined || receivedId === undefined || attachmentId === undefined) return;
  const place = { receivedId, attachmentId };
  const accountId = await verifyAttachmentLink(c.get('env').returnPathKeys, link, place, Date.now());
  if (accountId === null) return;
  c.set('store', await storeOfAccount(c.get('store'), accountId));
  c.set('caller', { accountId, domainsOf: accountId });
}

/** A request with a key is about the home that the key names; what a page asks for is at that of its viewer's account. */
function goHome(c: Call): void {
  const secret = c.get('caller') ? null : bearerSecret(authorizationOf(c));
  const home = secret === null ? firstHome : homeOfSecret(secret);
  // A key that names no home of this installation is unknown to all of them.
  if (secret !== null && home < c.get('store').homes) c.set('store', c.get('store').at(home));
}

async function requireToken(c: Call, wanted: string, whose: string): Promise<void> {
  const token = bearerToken(c.req.header('Authorization'));
  if (token !== null && (await equalSecrets(token, wanted))) return;
  throw new Problem('unauthorized', `The ${whose} token is missing or wrong.`);
}
