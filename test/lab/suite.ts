import { describe, inject } from 'vitest';
import { attach, type Lab } from './lab.ts';
import './setup.ts';

/** `describe` with the lab; where the lab cannot be, the suite is skipped and its name says why. */
export function describeInLab(name: string, body: (lab: Lab) => void): void {
  const offer = inject('lab');
  if ('leftOut' in offer) {
    describe.skip(`${name} (left out: ${offer.leftOut})`, () => body(absentLab));
  } else {
    describe(name, () => body(attach(offer.handle)));
  }
}

/** Lets a skipped suite be collected; nothing of it runs. */
const absentLab = attach({ prefix: 'nolab', dir: '/nonexistent' });
