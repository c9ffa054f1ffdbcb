import type { Host } from './sandbox.ts';

/** One invocation of the Worker or of an object, and what it has cost. */
export interface Invocation {
  host: Host;
  kind: 'fetch' | 'queue' | 'scheduled' | 'alarm' | 'call';
  what: string;
  startedMs: number;
  /** Its client has gone, or its object has been reset: no answer comes any more. */
  gone: boolean;
  statements: number;
  trips: number;
  subrequests: number;
  queueMessages: number;
  queueCalls: number;
  answerBytes: number;
  rowsRead: number;
  /** Faults that have struck it. */
  faults: number;
}

export function newInvocation(host: Host, kind: Invocation['kind'], what: string): Invocation {
  return {
    host,
    kind,
    what,
    startedMs: host.clock.nowMs,
    gone: false,
    statements: 0,
    trips: 0,
    subrequests: 0,
    queueMessages: 0,
    queueCalls: 0,
    answerBytes: 0,
    rowsRead: 0,
    faults: 0,
  };
}

export function isLive(invocation: Invocation): boolean {
  return !invocation.gone && invocation.host.alive();
}
