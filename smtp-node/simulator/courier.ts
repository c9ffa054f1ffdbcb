import { simulatedRecipient } from '#domain/delivery/simulator.ts';
import { type Courier, type CourierOptions, createCourier } from '../outbound/courier.ts';
import type { Simulator } from './simulator.ts';

/**
 * A courier that takes mail of the simulator's domain to the simulator, and all other mail where it goes. Each way
 * has connections of its own, so that what is simulated slows nothing that is not.
 * @param domain the simulator's; null while the edge has not told it
 */
export function withSimulator(
  real: Courier,
  simulator: Simulator,
  domain: () => string | null,
  options: Pick<CourierOptions, 'hostName' | 'now'>,
): Courier {
  const to = (port: number) =>
    createCourier({ ...options, route: { host: '127.0.0.1', port }, throttlePauseMs: 1 });
  const usual = to(simulator.port);
  const broken = to(simulator.brokenTlsPort);
  const courierOf = (rcptTo: string): Courier => {
    const at = rcptTo.lastIndexOf('@');
    if (rcptTo.slice(at + 1) !== domain()) return real;
    return simulatedRecipient(rcptTo.slice(0, at))?.brokenTls ? broken : usual;
  };
  return {
    deliver: (delivery, raw, keys, hooks) => courierOf(delivery.rcptTo).deliver(delivery, raw, keys, hooks),
    useRelays: (relays) => real.useRelays(relays),
    throttledDomains: () => real.throttledDomains(),
    busyDomains: () => real.busyDomains(),
    stats: () => real.stats(),
    destinations: () => real.destinations(),
    sendingAddresses: () => real.sendingAddresses(),
    close: async () => {
      await Promise.all([real, usual, broken].map((courier) => courier.close()));
    },
  };
}
