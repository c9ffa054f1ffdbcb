/**
 * The edge of one machine as a process of its own, for tests that end it: `EDGE_PORT`, `EDGE_HOST` and
 * `EDGE_DATA_DIR` say where it listens and keeps its data. Prints one line of JSON when it answers: `{"url": …}`.
 */
import { join } from 'node:path';
import { keepPrivate } from '../data-directory.ts';
import { startEdge } from './edge.ts';
import { keptWorkerSecrets } from './secrets.ts';

const { EDGE_PORT = '0', EDGE_HOST = '127.0.0.1', EDGE_DATA_DIR } = process.env;
if (!EDGE_DATA_DIR) throw new Error('EDGE_DATA_DIR must be set');
await keepPrivate(EDGE_DATA_DIR);
const edge = await startEdge({
  port: Number(EDGE_PORT),
  host: EDGE_HOST,
  dataDir: EDGE_DATA_DIR,
  settings: {
    ...(await keptWorkerSecrets(join(EDGE_DATA_DIR, 'secrets.json'))),
    ALLOW_LOCAL_WEBHOOKS: '1',
  },
  log: (line) => process.stderr.write(`edge: ${line}\n`),
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    edge.stop().then(() => process.exit(0));
  });
}
console.log(JSON.stringify({ url: edge.url }));
