/** Listeners without sockets; stands for `submission/server.ts` and `inbound/server.ts`. */
export async function startSubmission() {
  return { ports: [587], tlsPorts: [465], stop: async () => undefined };
}

export async function startInbound() {
  return { ports: [25], stop: async () => undefined };
}
