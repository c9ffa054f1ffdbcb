import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { WebSocketServer } from 'ws';
import { type DkimKey, edgeTimeHeader, type LeasedDelivery, leaseRequest } from '#domain/node-contract.ts';
import { startBenchEdge } from './bench-edge.ts';
import { receipt } from './mail.ts';

/** What a real edge answered to a node, to be said again. */
export interface Recording {
  /** A delivery as it was leased, its message with it. */
  delivery: LeasedDelivery;
  /** The two keys of its domain. */
  keys: readonly DkimKey[];
  hello: string;
  credential: string;
}

/** Asks a real edge, once, what the recorded one says from then on: a receipt of 4 kB and the keys that sign it. */
export async function recordEdge(): Promise<Recording> {
  const bench = await startBenchEdge({ meter: false });
  try {
    await bench.send(receipt(bench.domain, 4000, { class: 'standard' }));
    await bench.hello();
    const { work } = await bench.lease(1);
    const [delivery] = work.deliveries;
    const keys = delivery && work.keys[delivery.keyRing ?? delivery.signingDomain];
    if (!delivery || !keys || keys.length !== 2) throw new Error('the edge leased nothing to be recorded');
    const response = await fetch(`${bench.url}/v1/credential`, {
      headers: { authorization: `Bearer ${bench.liveKey}` },
    });
    return {
      delivery,
      keys,
      hello: JSON.stringify({ nowMs: Date.now(), simulatorDomain: null }),
      credential: await response.text(),
    };
  } finally {
    await bench.stop();
  }
}

/** An edge that costs next to nothing: it says what a real one said, as often as it is asked. */
export interface RecordedEdge {
  url: string;
  /** Queues so many copies of the recorded delivery. */
  fill(count: number): void;
  /** Results that came in, and what they were. */
  readonly outcomes: ReadonlyMap<string, number>;
  /** Requests by path. */
  readonly asked: ReadonlyMap<string, number>;
  stop(): Promise<void>;
}

/**
 * @param options.keys those that sign; left out: the recorded ones
 * @param options.relay what is submitted is leased; else it is only accepted
 */
export async function startRecordedEdge(
  recording: Recording,
  options: { keys?: readonly DkimKey[]; relay?: boolean } = {},
): Promise<RecordedEdge> {
  const { delivery, hello, credential } = recording;
  const outcomes = new Map<string, number>();
  const asked = new Map<string, number>();
  const keys = JSON.stringify({
    [delivery.keyRing ?? delivery.signingDomain]: options.keys ?? recording.keys,
  });
  // A lease is put together from text: what makes it costs the machine nothing that is measured.
  const marks = { messageId: '@message@', leaseId: '@lease@', raw: '@raw@', sizeBytes: '@size@' };
  const template = JSON.stringify({ ...delivery, ...marks, leaseUntilMs: Date.now() + 3_600_000 }).split(
    new RegExp(`(${Object.values(marks).join('|')})`),
  );
  const recordedRaw = JSON.stringify(delivery.raw).slice(1, -1);
  let copies = 0;
  const submitted: { raw: string; size: number }[] = [];
  let serial = 0;
  let woken = false;

  function lease(max: number): string {
    const count = Math.min(max, copies + submitted.length);
    const leased = Array.from({ length: count }, () => {
      const own = submitted.shift();
      if (!own) copies -= 1;
      serial += 1;
      const number = serial.toString(16).padStart(12, '0');
      const size = String(own?.size ?? delivery.sizeBytes);
      const said: Record<string, string> = {
        [marks.messageId]: `0199a000-0000-7000-8000-${number}`,
        [marks.leaseId]: `${number}-${number}`,
        [marks.raw]: own?.raw ?? recordedRaw,
      };
      return template
        .map((part) => said[part] ?? part)
        .join('')
        .replace(`"${marks.sizeBytes}"`, size);
    });
    woken = false;
    const more = copies + submitted.length > 0;
    return `{"deliveries":[${leased.join(',')}],"keys":${keys},"more":${more},"place":null}`;
  }

  function answer(path: string, body: Buffer): string {
    if (path === 'lease') {
      const { max, otherMax } = leaseRequest.parse(JSON.parse(body.toString()));
      return lease(Math.min(max, otherMax));
    }
    if (path === 'results') {
      const { results } = JSON.parse(body.toString()) as { results: { outcome: { type: string } }[] };
      for (const { outcome } of results) outcomes.set(outcome.type, (outcomes.get(outcome.type) ?? 0) + 1);
      return JSON.stringify({ verdicts: results.map(() => 'recorded') });
    }
    if (path === 'send/raw') {
      if (options.relay) {
        submitted.push({ raw: JSON.stringify(body.toString('latin1')).slice(1, -1), size: body.length });
        wake();
      }
      return JSON.stringify({ message_id: randomUUID(), status: 'queued' });
    }
    if (path === 'hello') return hello;
    if (path === 'credential') return credential;
    if (path === 'release') return JSON.stringify({ released: 0 });
    throw new Error(`nothing is recorded of ${path}`);
  }

  /** As the hub does it: one wake until there was a lease. */
  function wake(): void {
    if (woken) return;
    woken = true;
    for (const socket of sockets.clients) socket.send('wake');
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? '').replace(/^\/(node\/)?v1\//, '').replace(/\?.*/, '');
    asked.set(path, (asked.get(path) ?? 0) + 1);
    const body = await buffer(request);
    response
      .writeHead(path === 'send/raw' ? 202 : 200, {
        'content-type': 'application/json',
        [edgeTimeHeader]: String(Date.now()),
      })
      .end(answer(path, body));
  }

  const server = createServer((request, response) => {
    serve(request, response).catch((error: unknown) => {
      process.stderr.write(`recorded edge: ${String(error)}\n`);
      response.destroy();
    });
  });
  const sockets = new WebSocketServer({ noServer: true });
  server.on('upgrade', (request, socket, head) =>
    sockets.handleUpgrade(request, socket, head, (ws) => sockets.emit('connection', ws, request)),
  );
  const port = await listen(server);
  return {
    url: `http://127.0.0.1:${port}`,
    fill(count) {
      copies += count;
      wake();
    },
    outcomes,
    asked,
    stop: async () => {
      for (const socket of sockets.clients) socket.terminate();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the recorded edge has no port');
  return address.port;
}
