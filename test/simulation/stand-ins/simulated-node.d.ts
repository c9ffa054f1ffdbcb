declare module 'simulated-node' {
  /** Opens the wake of this node; gives how to close it. */
  export function openWake(onWake: () => void): () => void;
}
