/** Mail servers of the lab that bring mail to wherever DNS says: Postfix and Exim, by one face. */
import { join } from 'node:path';
import { exim, whyNoExim } from './exim.ts';
import type { HostName } from './hosts.ts';
import type { Lab } from './lab.ts';
import { swaks } from './swaks.ts';

export interface Sender {
  name: string;
  host: HostName;
  /** Why it is left out; undefined: it is there. */
  leftOut: string | undefined;
  /** Gives it a mail, lines ended by LF, which it then brings on its own. */
  put(lab: Lab, mail: { from: string; to: readonly string[]; raw: string }): Promise<void>;
  /** What it has still to bring, as its own tool lists it; empty: nothing. */
  queue(lab: Lab): Promise<string>;
}

const relayConf = (lab: Lab) => join(lab.handle.dir, 'relay', 'conf');
const eximConf = (lab: Lab) => join(lab.handle.dir, 'exim', 'exim.conf');

const postfix: Sender = {
  name: 'Postfix',
  host: 'relay',
  leftOut: undefined,
  async put(lab, { from, to, raw }) {
    const session = { host: 'mx1', server: lab.hosts.relay.fqdn, from, to: to.join(',') } as const;
    const { reply, transcript } = await swaks(lab, { ...session, data: raw.replaceAll('\n', '\r\n') });
    if (!/^250 2\.0\.0 Ok: queued/.test(reply)) throw new Error(transcript.slice(-4000));
  },
  async queue(lab) {
    const { stdout } = await lab.run('relay', 'postqueue', ['-c', relayConf(lab), '-j'], { mayFail: true });
    return stdout.trim();
  },
};

const byExim: Sender = {
  name: 'Exim',
  host: 'exim',
  leftOut: whyNoExim,
  async put(lab, { from, to, raw }) {
    await lab.run('exim', exim, ['-C', eximConf(lab), '-oi', '-f', from, ...to], { input: raw });
  },
  async queue(lab) {
    return (await lab.run('exim', exim, ['-C', eximConf(lab), '-bp'])).stdout.trim();
  },
};

export const senders: readonly Sender[] = [postfix, byExim];

/** Lets the Postfix take mail for domains that it finds by DNS, besides those that it always relays. */
export async function relayFor(lab: Lab, domains: readonly string[]): Promise<void> {
  const always = Object.keys(lab.hosts.relay.postfix?.relayTo ?? {});
  const settings = [`relay_domains=${[...always, ...domains].join(', ')}`, 'relay_transport=smtp'];
  await lab.run('relay', 'postconf', ['-c', relayConf(lab), '-e', ...settings]);
  await lab.run('relay', 'postfix', ['-c', relayConf(lab), 'reload']);
}
