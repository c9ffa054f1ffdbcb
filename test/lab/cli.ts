/**
 * The lab by hand: `node test/lab/cli.ts` brings it up, says what is where, and takes it down at Ctrl-C.
 */
import { whyNoLab } from './availability.ts';
import { hostNames, hosts } from './hosts.ts';
import { bringUp } from './lab.ts';

const prefix = process.env.LAB_PREFIX ?? 'pplab';
const reason = await whyNoLab(prefix);
if (reason) {
  console.error(`The mail lab is left out: ${reason}`);
  process.exit(1);
}
// A signal while the lab comes up counts too: what has been made is taken down.
const ended = new Promise((resolve) => {
  const idle = setInterval(() => {}, 60_000);
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => resolve(clearInterval(idle)));
});
const { lab, takeDown } = await bringUp(prefix);
for (const name of hostNames) {
  const { fqdn, ipv4 = '', ipv6 = '' } = hosts[name];
  console.info(`${prefix}-${name}`.padEnd(16), fqdn.padEnd(22), ipv4.padEnd(14), ipv6);
}
console.info(`State: ${lab.handle.dir}. A shell: ip netns exec ${prefix}-sender bash. Ctrl-C ends the lab.`);
await ended;
await takeDown();
