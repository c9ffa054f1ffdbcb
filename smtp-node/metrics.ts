import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { AggregatorRegistry, Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { byName } from '#domain/by-name.ts';
import { addUpSendingAddresses, type SendingAddressState } from '#domain/delivery/sending-address.ts';
import type { DestinationStats } from './outbound/destinations.ts';

/** What is counted; given to the parts that do the work. */
export type Meters = ReturnType<typeof createMeters>;

/** Makes the meters of one node, in a registry of their own. */
export function createMeters() {
  const registry = new Registry();
  const registers = [registry];
  return {
    registry,
    leased: new Counter({ name: 'pennypost_leases_total', help: 'Deliveries leased', registers }),
    released: new Counter({
      name: 'pennypost_leases_released_total',
      help: 'Leases given back untried',
      registers,
    }),
    deliveries: new Counter({
      name: 'pennypost_deliveries_total',
      help: 'Attempts by what they ended in',
      labelNames: ['outcome'],
      registers,
    }),
    deliverySeconds: new Histogram({
      name: 'pennypost_delivery_seconds',
      help: 'Duration of an attempt by what it ended in',
      labelNames: ['outcome'],
      buckets: [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300],
      registers,
    }),
    submissions: new Counter({
      name: 'pennypost_submissions_total',
      help: 'Messages submitted by SMTP, by the first digit of the reply: 2 accepted, 4 put off, 5 refused',
      labelNames: ['reply'],
      registers,
    }),
    logins: new Counter({
      name: 'pennypost_logins_total',
      help: 'Logins by SMTP, by reply code',
      labelNames: ['reply'],
      registers,
    }),
    returned: new Counter({
      name: 'pennypost_returned_total',
      help: 'Mails to return paths, by the first digit of the reply: 2 taken, 4 put off, 5 refused',
      labelNames: ['reply'],
      registers,
    }),
    returnedRecipients: new Counter({
      name: 'pennypost_returned_recipients_total',
      help: 'Recipients of mail to return paths, by reply code',
      labelNames: ['reply'],
      registers,
    }),
    edgeReachable: new Gauge({
      name: 'pennypost_edge_reachable',
      help: '1 when the last request to the edge was answered',
      aggregator: 'min',
      registers,
    }),
  };
}

/** A number that is read when it is asked for. */
export function gaugeOf(registry: Registry, name: string, help: string, read: () => number): void {
  new Gauge({
    name,
    help,
    registers: [registry],
    collect() {
      this.set(read());
    },
  });
}

/** What a process tells of itself. */
export interface NodeState {
  /** As prom-client has them as JSON. */
  metrics: object[];
  /** A sentence why it is not well, else null. */
  fault: string | null;
  destinations: DestinationStats[];
  /** Those of a list of addresses to send from. */
  sendingAddresses: SendingAddressState[];
}

/** What several processes tell together: metrics are added up, but for those that are averages. */
export function togetherOf(states: readonly NodeState[]): NodeState {
  const faults = states.flatMap(({ fault }) => fault ?? []);
  return {
    metrics: states.flatMap(({ metrics }) => metrics),
    fault: faults.length > 0 ? faults.join('; ') : null,
    destinations: byName(
      states.flatMap((state) => state.destinations),
      ({ name }, of) => ({
        name,
        attempts: sum(of, (one) => one.attempts),
        waiting: sum(of, (one) => one.waiting),
        window: sum(of, (one) => one.window),
        most: sum(of, (one) => one.most),
        ...lastPause(of),
      }),
    ),
    sendingAddresses: addUpSendingAddresses(states.flatMap((state) => state.sendingAddresses)),
  };
}

function sum<T>(list: readonly T[], of: (one: T) => number): number {
  return list.reduce((total, one) => total + of(one), 0);
}

function lastPause(of: readonly DestinationStats[]): Pick<DestinationStats, 'pausedUntil' | 'because'> {
  const paused = of.filter((one) => one.pausedUntil !== null);
  const [last] = paused.sort((a, b) => String(b.pausedUntil).localeCompare(String(a.pausedUntil)));
  return { pausedUntil: last?.pausedUntil ?? null, because: last?.because ?? null };
}

/** Counts what every program does as well: its memory, its event loop. */
export function meterProcess({ registry }: Meters): void {
  collectDefaultMetrics({ register: registry });
}

/** The meters as JSON, for a text that holds those of several processes; the oldest of them tells since when. */
export async function metricsOf({ registry }: Meters): Promise<object[]> {
  const metrics = await registry.getMetricsAsJSON();
  return metrics.map((one) => (one.aggregator === 'omit' ? { ...one, aggregator: 'min' } : one));
}

export interface MetricsServer {
  port: number;
  close(): Promise<void>;
}

/**
 * Serves `/metrics` (Prometheus text), `/healthz`: 200 while the node does its work, 503 with the reason when it does
 * not, and `/shaping`: how much each destination is sent at once, and why one is left alone.
 */
export async function serveMetrics(
  { address, port }: { address: string; port: number },
  state: () => Promise<NodeState>,
): Promise<MetricsServer> {
  const server = createServer((request, response) => {
    answer(request, response, state).catch(() => response.writeHead(500).end());
  });
  await listen(server, port, address);
  const bound = server.address();
  return {
    port: typeof bound === 'object' && bound ? bound.port : port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(
  { method, url = '' }: IncomingMessage,
  response: ServerResponse,
  state: () => Promise<NodeState>,
): Promise<void> {
  const asJson = (status: number, body: unknown) =>
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  if (method !== 'GET') response.writeHead(405).end();
  else if (url === '/healthz') {
    const { fault } = await state();
    asJson(fault === null ? 200 : 503, fault === null ? { status: 'ok' } : { status: 'unwell', fault });
  } else if (url === '/shaping') {
    asJson(200, { destinations: (await state()).destinations });
  } else if (url === '/addresses') {
    asJson(200, { addresses: (await state()).sendingAddresses });
  } else if (url === '/metrics') {
    const together = AggregatorRegistry.aggregate([(await state()).metrics]);
    response.writeHead(200, { 'content-type': together.contentType }).end(await together.metrics());
  } else response.writeHead(404).end();
}

function listen(server: Server, port: number, address: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, address || undefined, () => resolve());
  });
}
