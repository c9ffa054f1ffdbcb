/** `npm run nodes`: tokens of nodes, and what customers are told of them, by the operator's calls. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { mostWorkers } from '../config/kinds.ts';
import { workerId } from '../config.ts';

const usage = `npm run nodes -- COMMAND [options]
  list                 the nodes and the ends of their tokens
  add NODE [--workers N]
                       makes a token for a node, or one for each of its workers, and prints them, this once
  revoke NODE [HINT]   revokes the tokens of a node, or the one that ends in HINT
  show NODE            lets customers be told to submit where the node says
  hide NODE            no longer
  --url URL            where the Worker is (or PENNYPOST_EDGE_URL)
The operator token is read from OPERATOR_TOKEN, else from .pennypost/deployed-secrets.json.`;

const nodesAnswer = z.object({
  data: z.array(
    z.object({
      node_id: z.string(),
      last_seen_at: z.string().nullable(),
      shown_submission: z.object({ host: z.string() }).nullable(),
      tokens: z.array(z.object({ hint: z.string(), created_at: z.string() })),
    }),
  ),
});

class Fault extends Error {}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    options: { url: { type: 'string' }, workers: { type: 'string' }, help: { type: 'boolean' } },
    allowPositionals: true,
  });
  const [command, node, hint] = positionals;
  const url = values.url ?? process.env.PENNYPOST_EDGE_URL;
  if (values.help || command === undefined) return console.log(usage);
  if (url === undefined) throw new Fault('Say where the Worker is: --url https://…');
  const ask = asker(url.replace(/\/$/, ''), await operatorToken());
  const path = `/nodes/${encodeURIComponent(node ?? '')}`;
  if (command === 'list') return printNodes(nodesAnswer.parse(await ask('GET', '/nodes')));
  if (node === undefined) throw new Fault(`${command} needs the name of a node.\n${usage}`);
  switch (command) {
    case 'add': {
      const count = z.coerce
        .number()
        .int()
        .min(1)
        .max(mostWorkers)
        .safeParse(values.workers ?? 1);
      if (!count.success) throw new Fault(`--workers must be a whole number from 1 to ${mostWorkers}`);
      const tokens: string[] = [];
      for (let number = 1; number <= count.data; number++) {
        const made = await ask('POST', '/nodes', { node_id: workerId(node, number) });
        tokens.push(z.object({ token: z.string() }).parse(made).token);
      }
      const [first, ...others] = tokens;
      console.log(`PENNYPOST_NODE_ID=${node}\nPENNYPOST_NODE_TOKEN=${first}`);
      if (others.length > 0)
        console.log(`PENNYPOST_WORKERS=${count.data}\nPENNYPOST_WORKER_TOKENS=${others.join(',')}`);
      return;
    }
    case 'revoke': {
      const query = hint === undefined ? '' : `?hint=${encodeURIComponent(hint)}`;
      const { revoked } = z
        .object({ revoked: z.number() })
        .parse(await ask('DELETE', `${path}/tokens${query}`));
      return console.log(`${revoked} revoked; within a minute it holds everywhere`);
    }
    case 'show':
    case 'hide':
      await ask('PATCH', path, { show_submission: command === 'show' });
      return console.log('done');
    default:
      throw new Fault(`There is no command ${command}.\n${usage}`);
  }
}

function printNodes({ data }: z.infer<typeof nodesAnswer>): void {
  for (const { node_id: id, last_seen_at: seen, shown_submission: shown, tokens } of data) {
    const ends = tokens.map(({ hint }) => `…${hint}`).join(' ') || 'no token';
    console.log(`${id}  ${seen ?? 'never seen'}  ${ends}${shown ? `  submission at ${shown.host}` : ''}`);
  }
}

function asker(url: string, token: string) {
  return async (method: string, path: string, body?: unknown): Promise<unknown> => {
    const response = await fetch(`${url}/admin/v1${path}`, {
      method,
      headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(30_000),
      redirect: 'error',
    });
    const answer: unknown = await response.json();
    if (response.ok) return answer;
    throw new Fault(
      z.object({ detail: z.string() }).safeParse(answer).data?.detail ?? `it answers ${response.status}`,
    );
  };
}

async function operatorToken(): Promise<string> {
  if (process.env.OPERATOR_TOKEN) return process.env.OPERATOR_TOKEN;
  const file = join(import.meta.dirname, '../../.pennypost/deployed-secrets.json');
  const text = await readFile(file, 'utf8').catch(() => '{}');
  const token = z.looseObject({ OPERATOR_TOKEN: z.string() }).safeParse(JSON.parse(text))
    .data?.OPERATOR_TOKEN;
  if (token === undefined)
    throw new Fault('Set OPERATOR_TOKEN: .pennypost/deployed-secrets.json is not here.');
  return token;
}

main().catch((error: unknown) => {
  console.error(error instanceof Fault ? error.message : error);
  process.exitCode = 1;
});
