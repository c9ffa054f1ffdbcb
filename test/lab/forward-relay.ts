/** Runs inside a host: forward-relay.ts SOCKET ADDRESS PORT. See forward.ts. */
import { connect, createServer } from 'node:net';
import { joinSockets } from './forward.ts';

const [path = '', address = '', port = ''] = process.argv.slice(2);
createServer({ allowHalfOpen: true }, (socket) =>
  joinSockets(socket, connect({ host: address, port: Number(port), allowHalfOpen: true })),
).listen(path, () => console.info('listening'));
