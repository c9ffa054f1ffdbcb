/** Runs inside a host: forward-relay.ts RELAY, as JSON. Prints its port, or 0 on a Unix socket. See forward.ts. */
import { type Relay, relayServer } from './forward.ts';

const { listen, to }: Relay = JSON.parse(process.argv[2] ?? '');
const server = relayServer(to).listen(listen, () => {
  const address = server.address();
  console.info(typeof address === 'object' ? address?.port : 0);
});
