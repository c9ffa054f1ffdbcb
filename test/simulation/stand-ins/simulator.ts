/** The simulator's parts are played by the model of the MX; stands for `simulator/simulator.ts` and `simulator/courier.ts`. */
export async function startSimulator() {
  return { port: 0, brokenTlsPort: 0, stop: async () => undefined };
}

export function withSimulator<T>(courier: T): T {
  return courier;
}
