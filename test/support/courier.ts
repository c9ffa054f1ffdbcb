import { type Outcome, outcomeSchema } from '#domain/delivery/outcome.ts';
import type { LeasedDelivery } from '#domain/node-contract.ts';
import type { AttemptHooks } from '../../smtp-node/outbound/attempt.ts';
import {
  type Courier,
  type CourierOptions,
  createCourier,
  type RawSource,
} from '../../smtp-node/outbound/courier.ts';
import type { FakeMx } from './fake-mx.ts';
import { aDelivery, aMessage, ed25519Key } from './mail.ts';
import { oneMx, resolverOf } from './zone.ts';

const signingKey = ed25519Key('ed1');

/** A courier that takes `example.test` to a fake MX. */
export function courierTo(mx: FakeMx, options: Partial<CourierOptions> = {}): Courier {
  return createCourier({
    hostName: 'node.pennypost.test',
    port: mx.port,
    resolveRecords: resolverOf(oneMx(mx.address)),
    blockLocalAddresses: false,
    throttlePauseMs: 50,
    ...options,
  });
}

export interface Sending {
  raw?: RawSource;
  beforeData?: () => Promise<void>;
  hooks?: Omit<AttemptHooks, 'beforeData'>;
}

/** One delivery that is tried; the outcome is checked against the contract's schema. */
export async function send(
  courier: Courier,
  delivery: Partial<LeasedDelivery> = {},
  sending: Sending = {},
): Promise<Outcome> {
  return outcomeSchema.parse(await sendIfFree(courier, delivery, sending));
}

/** One delivery; `untried` when no connection was free for it. */
export async function sendIfFree(
  courier: Courier,
  delivery: Partial<LeasedDelivery> = {},
  sending: Sending = {},
): Promise<Outcome | 'untried'> {
  return await courier.deliver(
    aDelivery(delivery),
    sending.raw ?? { kind: 'bytes', bytes: aMessage },
    [signingKey.key],
    { ...sending.hooks, beforeData: sending.beforeData ?? (async () => undefined) },
  );
}

/** The failure of an outcome that has one. */
export function failureOf(outcome: Outcome) {
  if (!('failure' in outcome)) throw new Error(`${outcome.type} has no failure`);
  return outcome.failure;
}
