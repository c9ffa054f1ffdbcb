import { dnsTargets } from './dns-targets.ts';
import { messageTargets } from './message-targets.ts';
import { receivedTargets } from './received-targets.ts';
import { requestTargets } from './request-targets.ts';
import { returnTargets } from './return-targets.ts';
import { smtpTargets } from './smtp-targets.ts';
import type { Target } from './target.ts';

/** Every parser that meets bytes from outside. */
export const targets: readonly Target[] = [
  ...messageTargets,
  ...returnTargets,
  ...receivedTargets,
  ...dnsTargets,
  ...requestTargets,
  ...smtpTargets,
];
