import type { Session, StepName } from '#domain/delivery/outcome.ts';

/** Times the steps of an attempt. `current` says where it is, for a failure that does not know. */
export interface StepClock {
  current: StepName | null;
  time<T>(name: StepName, work: () => Promise<T>): Promise<T>;
}

/** A step that lasts so long waits for somebody else: the attempt does nothing meanwhile. */
const patienceMs = 1000;
/** Who waits for his turn does nothing from the beginning. */
const ownPatienceMs = 5;

/**
 * Writes into `steps`; a step that is done several times (EHLO before and after STARTTLS, a connection to each of three
 * hosts) is added up. To a tenth of a millisecond: each event is kept for a month, digits included.
 * @param onWaiting told `true` when a step has lasted for a second (at once when it is our turn that is waited for), and `false` when it is over
 */
export function createStepClock(
  steps: Session['steps'],
  onWaiting: (waiting: boolean) => void = () => {},
): StepClock {
  return {
    current: null,
    async time(name, work) {
      const beganMs = performance.now();
      this.current = name;
      let waiting = false;
      const timer = setTimeout(
        () => {
          waiting = true;
          onWaiting(true);
        },
        name === 'wait' ? ownPatienceMs : patienceMs,
      );
      try {
        return await work();
      } finally {
        clearTimeout(timer);
        if (waiting) onWaiting(false);
        addTo(steps, name, performance.now() - beganMs);
      }
    },
  };
}

function addTo(steps: Session['steps'], name: StepName, lastedMs: number): void {
  const known = steps.find((step) => step.name === name);
  const ms = Math.round(((known?.ms ?? 0) + lastedMs) * 10) / 10;
  if (known) known.ms = ms;
  // Usually nobody waits for his turn.
  else if (name !== 'wait' || ms >= 1) steps.push({ name, ms });
}
