/**
 * Stands beside the Worker in one isolate, and is what its accept rate is measured against. `POST /bare` runs the
 * statements of one accepted send, as the Worker itself prepares them, in the same two batches on the same
 * database, and does nothing else: no parsing, no checks, no MIME, no queue.
 */
import product from 'product';

export { NodeHub, WebhookSender } from 'product';

interface Database {
  prepare(query: string): Statement;
  batch(statements: Statement[]): Promise<unknown>;
}
interface Statement {
  bind(...values: unknown[]): Statement;
}

/** The statements of each round trip. */
export type Trips = { sql: string; params: unknown[] }[][];

/** Stands for the new message id among recorded parameters. */
const idMark = '{id}';
let recorded: Trips = [];

export default {
  async fetch(request: Request, env: { DB: Database }, context: unknown): Promise<Response> {
    const { pathname } = new URL(request.url);
    if (pathname === '/bare') return await bareSend(request, env.DB);
    // The Worker's statements of this one request are kept, with the id of the message that it makes marked.
    if (request.headers.has('X-Bench-Record')) {
      const trips: Trips = [];
      const answer = await product.fetch(request, { ...env, DB: recording(env.DB, trips) }, context);
      const text = await answer.text();
      const id = /"message_id":"([^"]+)"/.exec(text)?.[1];
      recorded = trips.map((trip) =>
        trip.map(({ sql, params }) => ({
          sql,
          params: params.map((param) => (isRows(param) && id ? param.replaceAll(id, idMark) : param)),
        })),
      );
      return new Response(text, answer);
    }
    if (pathname === '/bench/recorded') return Response.json(recorded);
    return await product.fetch(request, env, context);
  },
  queue: (batch: unknown, env: object) => product.queue(batch, env),
  scheduled: (controller: unknown, env: object) => product.scheduled(controller, env),
};

async function bareSend(request: Request, database: Database): Promise<Response> {
  await request.arrayBuffer();
  const id = newId();
  for (const trip of recorded) {
    await database.batch(
      trip.map(({ sql, params }) =>
        database
          .prepare(sql)
          .bind(...params.map((param) => (isRows(param) ? param.replaceAll(idMark, id) : param))),
      ),
    );
  }
  return Response.json({ message_id: id, status: 'queued' }, { status: 202 });
}

/** A JSON array of rows, in which the id stands; the mail, which names it too, is left as it is. */
function isRows(param: unknown): param is string {
  return typeof param === 'string' && param.startsWith('[');
}

/** UUIDv7 of this millisecond, so that keys grow as those of the Worker do. */
function newId(): string {
  const time = Date.now().toString(16).padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-7${crypto.randomUUID().slice(15, 32)}0000`;
}

/** A database that keeps what is run in batches. */
function recording(database: Database, trips: Trips): Database {
  const known = new WeakMap<Statement, { statement: Statement; sql: string; params: unknown[] }>();
  const bindable = (statement: Statement, sql: string): Statement => ({
    bind: (...params) => {
      const bound: Statement = { bind: () => bound };
      known.set(bound, { statement: statement.bind(...params), sql, params });
      return bound;
    },
  });
  return {
    prepare: (sql) => bindable(database.prepare(sql), sql),
    batch: async (statements) => {
      const entries = statements.map((statement) => {
        const entry = known.get(statement);
        if (!entry) throw new Error('a statement that was not bound');
        return entry;
      });
      trips.push(entries.map(({ sql, params }) => ({ sql, params })));
      return await database.batch(entries.map(({ statement }) => statement));
    },
  };
}
