import type { Outcome, StepName } from '#domain/delivery/outcome.ts';
import type { FailureClass } from '#domain/failure/failure-class.ts';

/** Outcomes as a courier makes them; their times are set by whoever knows the clock. */
const session = { mx: null, tls: null, reused: false, steps: [], tried: [] };

export function times(startedAtMs: number, endedAtMs: number) {
  return { startedAtMs: Math.max(0, startedAtMs), endedAtMs: Math.max(startedAtMs, endedAtMs) };
}

const unset = { startedAtMs: 0, endedAtMs: 0, session };

export function accepted(text: string): Outcome {
  return { type: 'delivered', ...unset, reply: { code: 250, status: '2.0.0', text }, dkim: ['pp1'] };
}

export function unsignable(text: string): Outcome {
  return { type: 'failed', ...unset, reason: 'unsignable', text };
}

export function refused(
  type: 'deferred' | 'bounced',
  code: number,
  status: string,
  text: string,
  failureClass: FailureClass,
): Outcome {
  const reply = { code, status, text };
  const failure = { reply, status: null, class: failureClass, text, step: 'rcpt' as const, code: null };
  return { type, ...unset, failure };
}

export function broken(
  type: 'deferred' | 'maybeAccepted',
  step: StepName,
  text: string,
  code: string | null,
): Outcome {
  return { type, ...unset, failure: { reply: null, status: null, class: 'network', text, step, code } };
}
