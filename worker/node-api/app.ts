import { Hono } from 'hono';
import { z } from 'zod';
import { simulatorDomain } from '#domain/delivery/simulator.ts';
import { faultOfTransport } from '#domain/delivery/transport-health.ts';
import { isUuidV7 } from '#domain/message/ids.ts';
import {
  authorizeRequest,
  type authorizeResponse,
  edgeTimeHeader,
  enrolRequest,
  helloRequest,
  type helloResponse,
  inboundCheckRequest,
  type inboundCheckResponse,
  inboundQuery,
  type inboundResponse,
  type installationResponse,
  largestReturnedBytes,
  leaseRequest,
  nodeId,
  type receivedResponse,
  releaseRequest,
  type releaseResponse,
  resultsRequest,
  type resultsResponse,
  tlsPoliciesRequest,
  tlsReportRequest,
} from '#domain/node-contract.ts';
import { Problem } from '#domain/problem.ts';
import { type App, type Call, invalidBody } from '../http/app.ts';
import { mailHeaders } from '../http/download.ts';
import { apiOrigin } from '../http/public-origin.ts';
import { readBytes, readJson } from '../http/request-body.ts';
import { hubOf } from '../hub/hub-of.ts';
import { noted } from '../identity/audit.ts';
import { requireNode } from '../identity/node.ts';
import { authorize } from '../inbound/authorize.ts';
import { doorsOf } from '../inbound/check.ts';
import { receiveAll } from '../inbound/doors.ts';
import { takeReceived } from '../inbound/take.ts';
import { sureOfHomes } from '../store/homes-memory.ts';
import { readHomeSizes } from '../store/installation.ts';
import { storeOfMessage } from '../store/message-homes.ts';
import { findLeasedBody } from '../store/messages.ts';
import { claimNodeToken } from '../store/node-tokens.ts';
import { registerBoot } from '../store/nodes.ts';
import { latin1Bytes, readBody } from '../store/raw.ts';
import { keepPolicies } from '../store/recipient-policies.ts';
import { workerTransportOf } from '../store/routing.ts';
import { readTransports } from '../store/transports.ts';
import { mailTlsReport } from '../system-mail/tls-report.ts';
import { sha256Hex } from '../tokens/secret.ts';
import { findWork } from './find-work.ts';
import { readHandedOver } from './handed-over.ts';
import { release } from './release.ts';
import { takeResults } from './take-results.ts';

/** The private API of nodes (`domain/node-contract.ts`), under `/node/v1`. */
export const nodeApp = new Hono<App>();

nodeApp.use(async (c, next) => {
  await next();
  c.header(edgeTimeHeader, String(Date.now()));
});

nodeApp.post('/enrol', async (c) => {
  const { nodeId, token } = await read(c, enrolRequest);
  noted(c, { node: nodeId });
  const chosen = { nodeId, secretHash: await sha256Hex(token), hint: token.slice(-4), nowMs: Date.now() };
  if (await claimNodeToken(c.get('store'), chosen)) return c.body(null, 204);
  throw new Problem(
    'conflict',
    `NODE_TOKEN is not enough for the node ${nodeId}: make a token for it (npm run nodes -- add ${nodeId}, or the page Installation) and set it as PENNYPOST_NODE_TOKEN.`,
  );
});

nodeApp.post('/hello', async (c) => {
  const { submission, journal, ...boot } = await readOwn(c, helloRequest);
  const nowMs = Date.now();
  const row = {
    ...boot,
    startedAtMs: nowMs,
    submissionHost: submission?.host ?? null,
    submissionPort: submission?.port ?? null,
    submissionTlsPort: submission?.tlsPort ?? null,
  };
  await registerBoot(c.get('store'), row, journal === 'new');
  const domain = simulatorDomain(c.get('env').serviceDomain);
  return c.json({ nowMs, simulatorDomain: domain } satisfies z.infer<typeof helloResponse>);
});

nodeApp.get('/installation', async (c) => {
  const nowMs = Date.now();
  const homes = await readHomeSizes(c.get('store'), nowMs);
  const { transports, rules } = await readTransports(c.get('store'), nowMs);
  const hasBinding = c.get('env').bindings.EMAIL !== undefined;
  const workerTransport = workerTransportOf(transports, rules, hasBinding, nowMs);
  const relays = transports.map((one) => ({ name: one.name, fault: faultOfTransport(one) }));
  const [first] = homes;
  const databaseSize = { bytes: first?.bytes ?? 0, bytesADay: first?.bytesADay ?? null };
  return c.json({ databaseSize, homes, relays, workerTransport } satisfies z.infer<
    typeof installationResponse
  >);
});

nodeApp.post('/tls-report', async (c) => {
  await mailTlsReport(c.get('store'), c.get('env'), await read(c, tlsReportRequest));
  return c.body(null, 204);
});

nodeApp.post('/tls-policies', async (c) => {
  const { policies } = await read(c, tlsPoliciesRequest);
  await keepPolicies(c.get('store'), policies, Date.now());
  return c.body(null, 204);
});

nodeApp.get('/wake', (c) => hubOf(c.get('env').bindings.HUB).fetch(c.req.raw));

nodeApp.post('/lease', async (c) => {
  const request = await readOwn(c, leaseRequest);
  const env = c.get('env');
  const { EMAIL, WEBHOOK } = env.bindings;
  const asking = {
    routing: c.get('isolate').knownRouting,
    carrier: 'node',
    hasBinding: EMAIL !== undefined,
  } as const;
  const { answer, told } = await findWork(c.get('store'), env, request, asking, (work) =>
    c.executionCtx.waitUntil(work),
  );
  if (told.length > 0) c.executionCtx.waitUntil(c.get('isolate').eventAnnouncer.announce(WEBHOOK, told));
  return c.json(answer);
});

nodeApp.get('/raw/:messageId', async (c) => {
  const messageId = c.req.param('messageId');
  // Only what it is delivering is a node's business.
  const body = await sureOfHomes(
    c.get('store'),
    async () => {
      const store = isUuidV7(messageId) ? await storeOfMessage(c.get('store'), messageId) : null;
      const place = store && (await findLeasedBody(store, messageId, c.get('nodeId'), Date.now()));
      return place && (await readBody(store, place, Date.now()));
    },
    (found) => found !== null,
  );
  if (body === null)
    throw new Problem('not_found', `This node has no lease of a message ${messageId.slice(0, 64)}.`);
  return new Response(typeof body === 'string' ? latin1Bytes(body) : body, {
    headers: mailHeaders(messageId),
  });
});

nodeApp.post('/results', async (c) => {
  const { results } = await readOwn(c, resultsRequest);
  const { verdicts, retries, listening } = await takeResults(
    c.get('store'),
    c.get('env'),
    results,
    c.get('nodeId'),
  );
  const { DELIVERY, WEBHOOK } = c.get('env').bindings;
  c.executionCtx.waitUntil(c.get('isolate').announcer.announceRetries(DELIVERY, retries, Date.now()));
  if (listening.size > 0)
    c.executionCtx.waitUntil(c.get('isolate').eventAnnouncer.announce(WEBHOOK, listening));
  return c.json({ verdicts } satisfies z.infer<typeof resultsResponse>);
});

nodeApp.post('/release', async (c) => {
  const { leases } = await readOwn(c, releaseRequest);
  const { released, homes, told } = await sureOfHomes(
    c.get('store'),
    () => release(c.get('store'), leases, { nodeId: c.get('nodeId') }),
    (given) => given.released === leases.length,
  );
  if (told.length > 0)
    c.executionCtx.waitUntil(c.get('isolate').eventAnnouncer.announce(c.get('env').bindings.WEBHOOK, told));
  if (released > 0) c.executionCtx.waitUntil(hubOf(c.get('env').bindings.HUB).wake(homes));
  return c.json({ released } satisfies z.infer<typeof releaseResponse>);
});

nodeApp.post('/inbound/check', async (c) => {
  const { addresses } = await read(c, inboundCheckRequest);
  const doors = await doorsOf(c.get('store'), c.get('env'), addresses, Date.now());
  return c.json({ doors } satisfies z.infer<typeof inboundCheckResponse>);
});

nodeApp.post('/inbound/authorize', async (c) => {
  const asked = await read(c, authorizeRequest);
  const refusal = await authorize(c.get('store'), c.get('env'), asked);
  return c.json({ refusal } satisfies z.infer<typeof authorizeResponse>);
});

nodeApp.post('/inbound', async (c) => {
  const query = new URL(c.req.url).searchParams;
  const envelope = inboundQuery.safeParse({
    mail_from: query.get('mail_from') ?? '',
    rcpt_to: query.getAll('rcpt_to'),
    signed_author: query.get('signed_author') ?? undefined,
  });
  if (!envelope.success) throw invalidBody(envelope.error.issues, '');
  const raw = await readBytes(c, largestReturnedBytes);
  const { mail_from: mailFrom, rcpt_to: rcptTo, signed_author: signedAuthor = null } = envelope.data;
  const verdicts = await receiveAll(c.get('store'), c.get('env'), { mailFrom, rcptTo, raw, signedAuthor });
  return c.json({ verdicts } satisfies z.infer<typeof inboundResponse>);
});

nodeApp.post('/received', async (c) => {
  const origin = apiOrigin(c);
  const refusal = await takeReceived(c.get('store'), c.get('env'), { ...(await readHandedOver(c)), origin });
  return c.json({ refusal } satisfies z.infer<typeof receivedResponse>);
});

/** The body, parsed, of a node that speaks for itself; throws 403 otherwise. */
async function readOwn<T extends { nodeId: string }>(c: Call, schema: z.ZodType<T>): Promise<T> {
  const value = await readJson(c, nodeJsonBytes);
  const said = z.looseObject({ nodeId }).safeParse(value);
  if (said.success) requireNode(c, said.data.nodeId);
  return parsed(schema, value);
}

/** Two hundred results with the replies and steps of each. */
const nodeJsonBytes = 8 * 1024 * 1024;

/** The body, parsed; throws 400, 413 or 415. */
async function read<T>(c: Call, schema: z.ZodType<T>): Promise<T> {
  return parsed(schema, await readJson(c, nodeJsonBytes));
}

function parsed<T>(schema: z.ZodType<T>, value: unknown): T {
  const read = schema.safeParse(value);
  if (!read.success) throw invalidBody(read.error.issues);
  return read.data;
}
