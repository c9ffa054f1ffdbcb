import type { Outcome } from '#domain/delivery/outcome.ts';

const times = { startedAtMs: 1_000, endedAtMs: 2_000 };
const session = { mx: null, tls: null, reused: false, steps: [], tried: [] };

/** An outcome as a courier makes it after a 250. */
export function delivered(text = 'ok'): Outcome {
  return { type: 'delivered', ...times, session, reply: { code: 250, status: '2.0.0', text }, dkim: [] };
}

/** An outcome as a courier makes it without a reply. */
export function deferred(text = 'no answer'): Outcome {
  return {
    type: 'deferred',
    ...times,
    session,
    failure: { reply: null, status: null, class: 'network', text, step: 'connect', code: null },
  };
}
