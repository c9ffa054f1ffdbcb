import { Hono } from 'hono';
import type { z } from 'zod';
import { isUuidV7 } from '#domain/ids.ts';
import {
  helloRequest,
  type helloResponse,
  inboundCheckRequest,
  type inboundCheckResponse,
  inboundQuery,
  type inboundResponse,
  largestReturnedBytes,
  leaseRequest,
  releaseRequest,
  type releaseResponse,
  resultsRequest,
  type resultsResponse,
} from '#domain/node-contract.ts';
import { Problem } from '#domain/problem.ts';
import { simulatorDomain } from '#domain/simulator.ts';
import { type App, type Call, invalidBody } from '../api/app.ts';
import { readBytes } from '../api/request-body.ts';
import { checkAddresses } from '../inbound/check.ts';
import { receiveAll } from '../inbound/doors.ts';
import { bearerToken, equalSecrets } from '../intake/secret.ts';
import { releaseLeases } from '../store/leases.ts';
import { findBodyOf } from '../store/messages.ts';
import { registerBoot } from '../store/nodes.ts';
import { latin1Bytes, readBody } from '../store/raw.ts';
import { hubOf } from './hub-of.ts';
import { leaseWork } from './lease.ts';
import { recordResults } from './results.ts';

/** The private API of nodes (`domain/node-contract.ts`), under `/node/v1`. */
export const nodeApp = new Hono<App>();

nodeApp.use(async (c, next) => {
  const token = bearerToken(c.req.header('Authorization'));
  if (token === null || !(await equalSecrets(token, c.get('env').nodeToken))) {
    throw new Problem('unauthorized', 'The node token is missing or wrong.');
  }
  await next();
});

nodeApp.post('/hello', async (c) => {
  const { submission, ...boot } = await read(c, helloRequest);
  const nowMs = Date.now();
  await registerBoot(c.get('store'), {
    ...boot,
    startedAtMs: nowMs,
    submissionHost: submission?.host ?? null,
    submissionPort: submission?.port ?? null,
    submissionTlsPort: submission?.tlsPort ?? null,
  });
  const domain = simulatorDomain(c.get('env').serviceDomain);
  return c.json({ nowMs, simulatorDomain: domain } satisfies z.infer<typeof helloResponse>);
});

nodeApp.get('/wake', (c) => hubOf(c.get('env').bindings.HUB).fetch(c.req.raw));

nodeApp.post('/lease', async (c) => {
  const request = await read(c, leaseRequest);
  return c.json(await leaseWork(c.get('store'), c.get('env'), request, Date.now()));
});

nodeApp.get('/raw/:messageId', async (c) => {
  const messageId = c.req.param('messageId');
  const place = isUuidV7(messageId) ? await findBodyOf(c.get('store'), messageId, Date.now()) : null;
  const body = place && (await readBody(c.get('store'), place, Date.now()));
  if (body === null) throw new Problem('not_found', `There is no raw message ${messageId.slice(0, 64)}.`);
  return new Response(typeof body === 'string' ? latin1Bytes(body) : body, {
    headers: { 'Content-Type': 'message/rfc822' },
  });
});

nodeApp.post('/results', async (c) => {
  const { results } = await read(c, resultsRequest);
  const { verdicts, retries, listening } = await recordResults(c.get('store'), results, Date.now());
  const { DELIVERY, WEBHOOK } = c.get('env').bindings;
  c.executionCtx.waitUntil(c.get('isolate').announcer.announceRetries(DELIVERY, retries, Date.now()));
  if (listening.size > 0)
    c.executionCtx.waitUntil(c.get('isolate').eventAnnouncer.announce(WEBHOOK, listening));
  return c.json({ verdicts } satisfies z.infer<typeof resultsResponse>);
});

nodeApp.post('/release', async (c) => {
  const { leases } = await read(c, releaseRequest);
  const released = await releaseLeases(c.get('store'), leases, Date.now());
  if (released > 0) c.executionCtx.waitUntil(hubOf(c.get('env').bindings.HUB).wake());
  return c.json({ released } satisfies z.infer<typeof releaseResponse>);
});

nodeApp.post('/inbound/check', async (c) => {
  const { addresses } = await read(c, inboundCheckRequest);
  const known = await checkAddresses(c.get('store'), c.get('env'), addresses, Date.now());
  return c.json({ known } satisfies z.infer<typeof inboundCheckResponse>);
});

nodeApp.post('/inbound', async (c) => {
  const query = new URL(c.req.url).searchParams;
  const envelope = inboundQuery.safeParse({
    mail_from: query.get('mail_from') ?? '',
    rcpt_to: query.getAll('rcpt_to'),
  });
  if (!envelope.success) throw invalidBody(envelope.error.issues, '');
  const raw = await readBytes(c, largestReturnedBytes);
  const { mail_from: mailFrom, rcpt_to: rcptTo } = envelope.data;
  const verdicts = await receiveAll(c.get('store'), c.get('env'), { mailFrom, rcptTo, raw });
  return c.json({ verdicts } satisfies z.infer<typeof inboundResponse>);
});

/** The body, parsed; throws 400. */
async function read<T>(c: Call, schema: z.ZodType<T>): Promise<T> {
  const body: unknown = await c.req.json().catch(() => {
    throw new Problem('invalid_json', 'The body is not valid JSON (RFC 8259).');
  });
  const parsed = schema.safeParse(body);
  if (!parsed.success) throw invalidBody(parsed.error.issues);
  return parsed.data;
}
