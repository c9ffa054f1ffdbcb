/** Meters without the server; stands for `smtp-node/metrics.ts`. */
export { createMeters, gaugeOf, metricsOf, togetherOf } from '../../../smtp-node/metrics.ts';

export async function serveMetrics() {
  return { port: 0, close: async () => undefined };
}

export function meterProcess(): void {}
