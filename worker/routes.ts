import { Problem } from '#domain/problem.ts';
import { adminApp } from './api/admin.ts';
import { adminDkimApp } from './api/admin-dkim.ts';
import { adminMoveApp } from './api/admin-move.ts';
import { adminNodesApp } from './api/admin-nodes.ts';
import { adminTransportsApp } from './api/admin-transports.ts';
import { aliasesApp } from './api/aliases.ts';
import { auditApp } from './api/audit.ts';
import { cloudmailinApp } from './api/cloudmailin.ts';
import { cloudmailinReadsApp } from './api/cloudmailin-reads.ts';
import { credentialApp } from './api/credential.ts';
import { domainDkimApp } from './api/domain-dkim.ts';
import { domainReportsApp } from './api/domain-reports.ts';
import { domainsApp } from './api/domains.ts';
import { emailsApp } from './api/emails.ts';
import { eventsApp } from './api/events.ts';
import { inboundEmailsApp } from './api/inbound-emails.ts';
import { inboundReplyApp } from './api/inbound-reply.ts';
import { inboundRoutesApp } from './api/inbound-routes.ts';
import { inboundRulesApp } from './api/inbound-rules.ts';
import { openApiApp } from './api/openapi-app.ts';
import { relayFeedsApp } from './api/relay-feeds.ts';
import { requestsApp } from './api/requests.ts';
import { sendApp } from './api/send.ts';
import { settingsApp } from './api/settings.ts';
import { statsApp } from './api/stats.ts';
import { suppressionsApp } from './api/suppressions.ts';
import { templatesApp } from './api/templates.ts';
import { warmingApp } from './api/warming.ts';
import { webhookDeliveriesApp } from './api/webhook-deliveries.ts';
import { webhookKeysApp } from './api/webhook-keys.ts';
import { webhooksApp } from './api/webhooks.ts';
import { dashboardApp } from './dashboard/app.ts';
import type { Dialect } from './dialects/dialect.ts';
import { postmark, postmarkApp } from './dialects/postmark.ts';
import { resend, resendApp } from './dialects/resend.ts';
import { docsApp } from './docs/app.tsx';
import { type Env, NotConfigured, parseEnv } from './env.ts';
import { answerError, type Call, type Isolate, newApp, requestId } from './http/app.ts';
import { RefusalBudget } from './http/refusal-budget.ts';
import { Announcer } from './hub/announcer.ts';
import { EventAnnouncer } from './hub/event-announcer.ts';
import { requireRows } from './identity/access.ts';
import { guard } from './identity/guard.ts';
import { nodeApp } from './node-api/app.ts';
import { errorAnswer, withPageHeaders } from './pages/answer.tsx';
import { KnownLinkHosts } from './store/known-link-hosts.ts';
import { KnownRouting } from './store/routing.ts';
import { openStore } from './store/store.ts';
import { KnownKeys } from './tokens/known-keys.ts';
import { KnownNodes } from './tokens/known-nodes.ts';
import { aliasLinksApp } from './tracking/alias-links.tsx';
import { trackingApp } from './tracking/app.tsx';

const isolate: Isolate = {
  announcer: new Announcer(),
  eventAnnouncer: new EventAnnouncer(),
  flights: new Map(),
  knownKeys: new KnownKeys(),
  knownLinkHosts: new KnownLinkHosts(),
  knownNodes: new KnownNodes(),
  knownRouting: new KnownRouting(),
  refusals: new RefusalBudget(),
};

/** Everything that the Worker answers over HTTP. */
export const app = newApp();

app.use(requestId);
app.use(async (c, next) => {
  const env = configured(c);
  if (env instanceof Problem) {
    if (!isForPeople(c.req.path, c.req.header('Accept'))) throw env;
    c.res = errorAnswer(c, env);
    return;
  }
  const store = openStore(env);
  c.set('env', env);
  c.set('store', store);
  c.set('isolate', isolate);
  c.set('noted', {});
  await next();
  if (env.meter) {
    const { roundTrips, rowsRead, rowsWritten } = store.cost;
    c.header('Server-Timing', `d1;desc="trips=${roundTrips} read=${rowsRead} written=${rowsWritten}"`);
  }
});
app.use(async (c, next) => {
  await next();
  // Whatever a router has forgotten: no answer is taken for another type, no page goes without a policy.
  if (c.res.status === 101) return;
  c.header('X-Content-Type-Options', 'nosniff');
  if (/^text\/html\b/.test(c.res.headers.get('Content-Type') ?? '')) withPageHeaders(c, c.res);
});
app.use(guard);
app.get('/healthz', (c) =>
  c.json({ status: 'ok', service_domain: c.get('env').serviceDomain, time: new Date().toISOString() }),
);
app.route('/', openApiApp);
app.route('/', webhookKeysApp);
app.route('/v1', sendApp);
app.route('/v1', emailsApp);
app.route('/v1', eventsApp);
app.route('/v1', requestsApp);
app.route('/v1', suppressionsApp);
app.route('/v1', templatesApp);
app.route('/v1', credentialApp);
app.route('/v1', webhooksApp);
app.route('/v1', webhookDeliveriesApp);
app.route('/v1', domainsApp);
app.route('/v1', domainReportsApp);
app.route('/v1', inboundRoutesApp);
app.route('/v1', inboundRulesApp);
app.route('/v1', inboundEmailsApp);
app.route('/v1', inboundReplyApp);
app.route('/v1', aliasesApp);
app.route('/v1', statsApp);
app.route('/v1', domainDkimApp);
app.route('/v1', warmingApp);
app.route('/v1', settingsApp);
app.route('/v1', auditApp);
app.route('/api/v0.1', cloudmailinApp);
app.route('/api/v0.1', cloudmailinReadsApp);
app.route('/resend', resendApp);
app.route('/postmark', postmarkApp);
app.route('/admin/v1', adminApp);
app.route('/admin/v1', adminMoveApp);
app.route('/admin/v1', adminDkimApp);
app.route('/admin/v1', adminNodesApp);
app.route('/admin/v1', adminTransportsApp);
app.route('/node/v1', nodeApp);
app.route('/', relayFeedsApp);
app.route('/', trackingApp);
app.route('/docs', docsApp);
app.route('/', aliasLinksApp);
app.route('/', dashboardApp);
requireRows(app.routes);
app.notFound((c) => {
  const allowed = new Set(
    app.routes
      .filter((route) => route.method !== 'ALL' && matches(route.path, c.req.path))
      .flatMap(({ method }) => (method === 'GET' ? ['GET', 'HEAD'] : [method])),
  );
  if (c.req.method === 'GET' && allowed.has('POST') && isForPeople(c.req.path, c.req.header('Accept')))
    return c.redirect(pageAbove(c.req.path), 303);
  const instead = insteadOf(c.req.path);
  const problem =
    instead !== undefined || allowed.size === 0 || allowed.has(c.req.method)
      ? new Problem('not_found', instead ?? `There is nothing at ${c.req.path.slice(0, 200)}.`)
      : // RFC 9110 §15.5.6: a 405 says which methods there are.
        new Problem('method_not_allowed', `${c.req.method} is not allowed on ${c.req.path}.`, {
          headers: { Allow: [...allowed].join(', ') },
        });
  if (isForPeople(c.req.path, c.req.header('Accept'))) return errorAnswer(c, problem);
  throw problem;
});
app.onError((error, c) => (dialectOf(c.req.path)?.answerError ?? answerError)(error, c));

const dialects: readonly Dialect[] = [resend, postmark];

/** The dialect that a path is of; its clients read errors in its shape only. */
function dialectOf(path: string): Dialect | undefined {
  return dialects.find(({ prefix }) => path === prefix || path.startsWith(`${prefix}/`));
}

/** What there is instead of what that service has at a path; undefined: it has nothing there either. */
function insteadOf(path: string): string | undefined {
  const dialect = dialectOf(path);
  return dialect?.missing.find(([begins]) => begins.test(path.slice(dialect.prefix.length)))?.[1];
}

/** The environment; a Worker without its secrets says what to do, and its log what is missing. */
function configured(c: Call): Env | Problem {
  try {
    return parseEnv(c.env);
  } catch (error) {
    if (!(error instanceof NotConfigured)) throw error;
    console.error(JSON.stringify({ level: 'error', requestId: c.get('requestId'), msg: error.message }));
    return new Problem(
      'not_set_up',
      `Settings or secrets of it are missing or wrong. Its operator runs npm run deploy, which sets what is missing; the logs of the Worker name it. Request ${c.get('requestId')}.`,
    );
  }
}

/** The nearest page above the address of a form, which somebody comes to by a reload, a bookmark, or going back. */
function pageAbove(path: string): string {
  const isPage = (place: string) =>
    app.routes.some((route) => route.method === 'GET' && matches(route.path, place));
  for (let place = path; place !== ''; place = place.slice(0, place.lastIndexOf('/')))
    if (isPage(place)) return place;
  return '/';
}

/** A browser outside of the APIs gets a page; programs, and whoever asks below an API, get a problem. */
function isForPeople(path: string, accept: string | undefined): boolean {
  return (
    (accept ?? '').includes('text/html') && !/^\/(v1|admin|node|api|resend|postmark|healthz)(\/|$)/.test(path)
  );
}

function matches(pattern: string, path: string): boolean {
  const wanted = pattern.split('/');
  const parts = path.split('/');
  return (
    wanted.length === parts.length && wanted.every((part, i) => part.startsWith(':') || part === parts[i])
  );
}
