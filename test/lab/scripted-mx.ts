/**
 * An MX that does what no server of Debian does, as a program for a lab host. Its argument is the JSON of `FakeMxOptions`
 * but that `fault` stands for what goes wrong with every connection. At each message it prints the commands so far.
 */
import { type ConnectionFault, type FakeMxOptions, startFakeMx } from '../support/fake-mx.ts';

const { fault = null, ...options } = JSON.parse(process.argv[2] ?? '{}') as FakeMxOptions & {
  fault?: ConnectionFault;
};
const mx = await startFakeMx({
  ...options,
  onConnection: () => fault,
  beforeFinalReply: async () => console.info(JSON.stringify(mx.commands)),
});
console.info('[]');
