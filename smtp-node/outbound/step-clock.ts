import type { Session, StepName } from '#domain/outcome.ts';

/** Times the steps of an attempt. `current` says where it is, for a failure that does not know. */
export interface StepClock {
  current: StepName | null;
  time<T>(name: StepName, work: () => Promise<T>): Promise<T>;
  /** Forgets the steps of a connection that came to nothing; the session tells of the last one only. */
  restart(): void;
}

/** Writes into `steps`; a step that is done twice (EHLO before and after STARTTLS) is added up. */
export function createStepClock(steps: Session['steps']): StepClock {
  return {
    current: null,
    async time(name, work) {
      const beganMs = performance.now();
      this.current = name;
      try {
        return await work();
      } finally {
        const known = steps.find((step) => step.name === name);
        const ms = Math.round(((known?.ms ?? 0) + performance.now() - beganMs) * 1000) / 1000;
        if (known) known.ms = ms;
        else steps.push({ name, ms });
      }
    },
    restart() {
      const kept = steps.filter((step) => step.name === 'dns');
      steps.splice(0, steps.length, ...kept);
    },
  };
}
