import { createExecutionContext, createScheduledController, waitOnExecutionContext } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { vi } from 'vitest';
import { weekOf } from '#domain/message/home.ts';
import worker from '../../worker/index.ts';
import { type Internet, ok } from './receiver.ts';
import {
  type Answer,
  bindings,
  call,
  delivered,
  mail,
  result,
  type TestAccount,
  TestNode,
} from './support.ts';

export interface TestEndpoint {
  id: string;
  secret: string;
  host: string;
}

let hosts = 0;

/** An endpoint of the account at a host of its own. */
export async function newEndpoint(
  account: TestAccount,
  internet: Internet,
  handler: Parameters<Internet['at']>[1] = ok,
  more: Record<string, unknown> = {},
): Promise<TestEndpoint> {
  hosts += 1;
  const host = `receiver${hosts}.example.com`;
  const url = internet.at(host, handler);
  const { status, body } = await call('POST', '/v1/webhooks', account.live, { url, ...more });
  if (status !== 201) throw new Error(JSON.stringify(body));
  return { id: body.id, secret: body.secret, host };
}

/** Waits until an expectation holds. */
export async function eventually<T>(expectation: () => T | Promise<T>, timeoutMs = 20_000): Promise<T> {
  return await vi.waitFor(expectation, { timeout: timeoutMs, interval: 20 });
}

/** A message of the account that a node delivers. */
export async function deliverOne(account: TestAccount): Promise<string> {
  const { body } = await call('POST', '/v1/send', account.live, mail(account));
  const node = await new TestNode().hello();
  const { deliveries } = await node.lease();
  await node.post('results', { results: deliveries.map((one: Answer) => result(one, delivered)) });
  return body.message_id;
}

/** Runs the cron handler; `at` its time. */
export async function cron(at = new Date()): Promise<void> {
  const context = createExecutionContext();
  await worker.scheduled(createScheduledController({ scheduledTime: at }), env);
  await waitOnExecutionContext(context);
}

/** Changes rows of an endpoint's deliveries past the Worker, as time would. */
export async function setDeliveries(endpoint: TestEndpoint, assignment: string): Promise<void> {
  await bindings.DB.prepare(
    `UPDATE webhook_deliveries_${weekOf(Date.now())} SET ${assignment}
     WHERE endpoint_id = (SELECT id FROM webhook_endpoints WHERE public_id = ?)`,
  )
    .bind(endpoint.id)
    .run();
}

export async function setEndpoint(endpoint: TestEndpoint, assignment: string): Promise<void> {
  await bindings.DB.prepare(`UPDATE webhook_endpoints SET ${assignment} WHERE public_id = ?`)
    .bind(endpoint.id)
    .run();
}

/** Lets the waits of an endpoint's retries pass. */
export async function passRetryWaits(endpoint: TestEndpoint): Promise<void> {
  await setDeliveries(endpoint, `due_ms = CASE WHEN state = 'pending' THEN 0 END`);
  await cron();
}

export async function deliveriesOf(account: TestAccount, query = ''): Promise<Answer[]> {
  return (await call('GET', `/v1/webhook-deliveries?${query}`, account.live)).body.data;
}

/** The newest delivery with its tries, once an expectation of it holds. */
export async function newestDelivery(
  account: TestAccount,
  endpoint: TestEndpoint,
  expectation: (delivery: Answer) => void,
): Promise<Answer> {
  return await eventually(async () => {
    const [newest] = await deliveriesOf(account, `endpoint=${endpoint.id}`);
    const { body } = await call('GET', `/v1/webhook-deliveries/${newest?.id}`, account.live);
    expectation(body);
    return body;
  });
}
