/** What the simulation runs of the SMTP node: all of `main.ts`, but for its listeners and sockets (`stand-ins/`). */
export { parseConfig } from '../../smtp-node/config.ts';
export { startNode } from '../../smtp-node/node.ts';
