import { createServer, type Server } from 'node:http';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

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

export interface MetricsServer {
  port: number;
  close(): Promise<void>;
}

/**
 * Serves `/metrics` (Prometheus text), `/healthz`: 200 while the node does its work, 503 with the reason when it does
 * not, and `/shaping`: how much each destination is sent at once, and why one is left alone.
 * @param health null when well, else a sentence
 */
export async function serveMetrics(
  options: {
    address: string;
    port: number;
    health: () => string | null;
    /** Answered as JSON. */
    shaping: () => unknown;
  },
  meters: Meters,
): Promise<MetricsServer> {
  collectDefaultMetrics({ register: meters.registry });
  const server = createServer((request, response) => {
    if (request.method !== 'GET') return response.writeHead(405).end();
    if (request.url === '/healthz') {
      const fault = options.health();
      response.writeHead(fault === null ? 200 : 503, { 'content-type': 'application/json' });
      return response.end(JSON.stringify(fault === null ? { status: 'ok' } : { status: 'unwell', fault }));
    }
    if (request.url === '/shaping') {
      response.writeHead(200, { 'content-type': 'application/json' });
      return response.end(JSON.stringify(options.shaping()));
    }
    if (request.url !== '/metrics') return response.writeHead(404).end();
    return meters.registry.metrics().then(
      (text) => response.writeHead(200, { 'content-type': meters.registry.contentType }).end(text),
      () => response.writeHead(500).end(),
    );
  });
  await listen(server, options.port, options.address);
  const address = server.address();
  return {
    port: typeof address === 'object' && address ? address.port : options.port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function listen(server: Server, port: number, address: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, address || undefined, () => resolve());
  });
}
