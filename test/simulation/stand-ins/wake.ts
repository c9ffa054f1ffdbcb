import { openWake } from 'simulated-node';

/** The wake, as the hub's model brings it; stands for `smtp-node/wake.ts`. */
export class Wake {
  readonly #onWake: () => void;
  #close: () => void = () => undefined;

  constructor({ onWake }: { onWake: () => void }) {
    this.#onWake = onWake;
  }

  open(): void {
    this.#close = openWake(this.#onWake);
    this.#onWake();
  }

  close(): void {
    this.#close();
  }
}
