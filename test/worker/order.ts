import { bindings, costOf, meteredEnv, request } from './support.ts';

/** What came of a request, and whether the database (`key`) or the body was asked first. */
export interface Order {
  status: number;
  order: string[];
  cost: ReturnType<typeof costOf>;
}

/** Sends a body in chunks, and tells in which order the database and the body were asked until the answer was there. */
export async function orderOf(
  key: string | null,
  path: string,
  type: string,
  text: string,
  more: { method?: string; headers?: Record<string, string> } = {},
): Promise<Order> {
  const order: string[] = [];
  let answered = false;
  const note = (what: string) => !answered && order.at(-1) !== what && order.push(what);
  const DB = new Proxy(bindings.DB, {
    get(database, name: keyof D1Database) {
      const value = database[name];
      if (typeof value !== 'function') return value;
      return (...args: unknown[]) => {
        if (name === 'batch' || name === 'prepare') note('key');
        return Reflect.apply(value, database, args);
      };
    },
  });
  const bytes = new TextEncoder().encode(text);
  let at = 0;
  const body = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        note('body');
        controller.enqueue(bytes.subarray(at, at + 1000));
        at += 1000;
        if (at >= bytes.length) controller.close();
      },
    },
    { highWaterMark: 0 },
  );
  const { method = 'POST' } = more;
  const headers = {
    'Content-Type': type,
    ...(key === null ? {} : { Authorization: `Bearer ${key}` }),
    ...more.headers,
  };
  const sent = method === 'GET' ? {} : { body };
  const init: RequestInit = { method, headers, redirect: 'manual', ...sent };
  const answer = await request(path, init, { ...meteredEnv, DB }, () => {
    answered = true;
  });
  await answer.body?.cancel();
  return { status: answer.status, order, cost: costOf(answer) };
}
