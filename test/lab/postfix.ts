/** Postfix instances: each host with its own configuration, spool and mailbox; nothing of /etc/postfix is used. */
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { chmod, chown, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeCertificate } from './certificates.ts';
import { dmarcSettings, startDmarc } from './dmarc.ts';
import { type HostName, hosts, isHostName, type PostfixSettings } from './hosts.ts';
import { type Namespaces, runHere } from './namespaces.ts';
import { recipientFaults } from './recipients.ts';
import { untilListening } from './until-listening.ts';

/** The uid and gid that deliver: `nobody` and `nogroup` of Debian. */
const NOBODY = 65534;
const GREYLIST_PORT = 10023;

export const mailboxDir = (labDir: string, host: HostName) => join(labDir, host, 'mail', 'all');
export const mailLog = (labDir: string, host: HostName) => join(labDir, host, 'maillog');

/** Starts the Postfix of a host and returns once it answers on port 25. */
export async function startPostfix(
  namespaces: Namespaces,
  labDir: string,
  host: HostName,
  postfix = hosts[host].postfix,
): Promise<void> {
  const { fqdn } = hosts[host];
  if (!postfix) throw new Error(`${host} has no Postfix`);
  const dir = join(labDir, host);
  for (const part of ['conf', 'spool', 'data', 'mail']) await mkdir(join(dir, part), { recursive: true });
  await chown(join(dir, 'data'), await idOf('postfix'), -1);
  await chown(join(dir, 'mail'), NOBODY, NOBODY);

  const settings = { ...mainCf(dir, host, postfix), ...(await tlsSettings(labDir, fqdn, postfix)) };
  await writeFile(join(dir, 'conf', 'main.cf'), lines({ ...settings, ...postfix.settings }));
  await writeFile(join(dir, 'conf', 'master.cf'), [masterCf, ...(postfix.services ?? []), ''].join('\n'));
  await writeFile(join(dir, 'conf', 'mailboxes'), mailboxMap(postfix));
  await writeFile(join(dir, 'conf', 'faults-rcpt'), faultMap('RCPT'));
  await writeFile(join(dir, 'conf', 'faults-data'), faultMap('DATA'));
  if (postfix.enforcesDmarc) await startDmarc(namespaces, dir, host);
  if (postfix.greylistSeconds) await startPostgrey(namespaces, dir, host, postfix.greylistSeconds);

  // The daemons keep the file descriptors that they get: never ours.
  const starter = namespaces.spawn(host, 'postfix', ['-c', join(dir, 'conf'), 'start'], { stdio: 'ignore' });
  const [code] = await once(starter, 'exit');
  if (code !== 0) {
    const log = await readFile(mailLog(labDir, host), 'utf8').catch(() => '');
    throw new Error(`the Postfix of ${host} did not start:\n${log.split('\n').slice(-10).join('\n')}`);
  }
  await untilListening(namespaces, host, 25);
}

function mainCf(dir: string, host: HostName, postfix: PostfixSettings): Record<string, string> {
  const conf = join(dir, 'conf');
  const greylist = postfix.greylistSeconds ? `, check_policy_service inet:127.0.0.1:${GREYLIST_PORT}` : '';
  return {
    compatibility_level: '3.6',
    queue_directory: join(dir, 'spool'),
    data_directory: join(dir, 'data'),
    maillog_file: mailLog(join(dir, '..'), host),
    maillog_file_prefixes: dir,
    myhostname: hosts[host].fqdn,
    inet_interfaces: 'all',
    inet_protocols: hosts[host].ipv4 ? 'all' : 'ipv6',
    alias_maps: '',
    alias_database: '',
    mydestination: '',
    mynetworks: '',
    virtual_mailbox_domains: postfix.mailFor?.join(', ') ?? '',
    virtual_mailbox_base: join(dir, 'mail'),
    virtual_mailbox_maps: `regexp:${conf}/mailboxes`,
    virtual_uid_maps: `static:${NOBODY}`,
    virtual_gid_maps: `static:${NOBODY}`,
    virtual_mailbox_limit: '0',
    message_size_limit: `${50 * 1024 * 1024}`,
    // A mailbox must show what came, a leaked Bcc among it.
    message_drop_headers: '',
    // Debian's default would defer (454) what can never be right.
    smtpd_relay_restrictions: 'reject_unauth_destination',
    smtpd_recipient_restrictions: `check_recipient_access regexp:${conf}/faults-rcpt, reject_unauth_destination, reject_unlisted_recipient${greylist}`,
    smtpd_end_of_data_restrictions: `check_recipient_access regexp:${conf}/faults-data`,
    smtpd_discard_ehlo_keywords: postfix.withoutEhlo?.join(', ') ?? '',
    relay_domains: Object.keys(postfix.relayTo ?? {}).join(', '),
    relay_recipient_maps: '',
    transport_maps: postfix.relayTo
      ? `inline:{ ${Object.entries(postfix.relayTo).map(transport).join(', ')} }`
      : '',
    ...(postfix.enforcesDmarc ? dmarcSettings : {}),
    smtp_tls_security_level: 'may',
    // A DSN or a second hop that fails is tried again soon.
    queue_run_delay: '2s',
    minimal_backoff_time: '2s',
    maximal_backoff_time: '10s',
  };
}

function transport([domain, next]: [string, string]): string {
  if (!isHostName(next)) throw new Error(`${domain} is relayed to ${next}, which is no host`);
  const { ipv4, ipv6 } = hosts[next];
  return `{ ${domain} = smtp:[${ipv4 ?? `IPv6:${ipv6}`}]:25 }`;
}

async function tlsSettings(
  labDir: string,
  fqdn: string,
  { tls }: PostfixSettings,
): Promise<Record<string, string>> {
  if (tls === 'none') return { smtpd_tls_security_level: 'none' };
  const { key, cert } = await makeCertificate(labDir, fqdn, tls);
  return {
    smtpd_tls_security_level: 'may',
    smtpd_tls_chain_files: `${key}, ${cert}`,
    smtpd_tls_loglevel: '1',
    smtpd_tls_received_header: 'yes',
    smtpd_tls_ask_ccert: 'no',
    // TLS 1.0 alone, which no current client speaks: STARTTLS is offered and then the handshake fails.
    ...(tls === 'handshake-fails' ? { smtpd_tls_protocols: '>=TLSv1, <=TLSv1' } : {}),
  };
}

function mailboxMap({ mailFor = [] }: PostfixSettings): string {
  const accepted = ['user[^@]*', ...localPartsRefusedAt('DATA')].join('|');
  return mailFor.map((domain) => `/^(${accepted})@${escaped(domain)}$/ all/\n`).join('');
}

const localPartsRefusedAt = (at: 'RCPT' | 'DATA') =>
  Object.entries(recipientFaults)
    .filter(([, fault]) => fault.at === at)
    .map(([localPart]) => localPart);

function faultMap(at: 'RCPT' | 'DATA'): string {
  return Object.entries(recipientFaults)
    .filter(([, fault]) => fault.at === at)
    .map(([localPart, { reply }]) => `/^${localPart}@/ ${reply}\n`)
    .join('');
}

const escaped = (text: string) => text.replace(/[.\\+*?^$()[\]{}|]/g, '\\$&');
const lines = (settings: Record<string, string>) =>
  Object.entries(settings)
    .map(([key, value]) => `${key} = ${value}\n`)
    .join('');

/** Real postgrey: the first try of (client network, sender, recipient) is deferred with 450 4.2.0. */
async function startPostgrey(
  namespaces: Namespaces,
  dir: string,
  host: HostName,
  delaySeconds: number,
): Promise<void> {
  const db = join(dir, 'postgrey');
  await mkdir(db);
  await chown(db, await idOf('postgrey'), -1);
  await chmod(db, 0o700);
  await writeFile(join(dir, 'nobody-is-whitelisted'), '');
  const log = openSync(join(dir, 'postgrey.log'), 'a');
  namespaces
    .spawn(
      host,
      'postgrey',
      [
        ...[`--inet=127.0.0.1:${GREYLIST_PORT}`, `--delay=${delaySeconds}`, `--dbdir=${db}`],
        // Every sender is new for ever: the fifth message is greylisted like the first.
        '--auto-whitelist-clients=0',
        `--whitelist-clients=${dir}/nobody-is-whitelisted`,
        `--whitelist-recipients=${dir}/nobody-is-whitelisted`,
      ],
      { detached: true, stdio: ['ignore', log, log] },
    )
    .unref();
  await untilListening(namespaces, host, GREYLIST_PORT);
}

async function idOf(user: string): Promise<number> {
  return Number((await runHere('id', ['-u', user])).stdout.trim());
}

/** Postfix's own services, none in a chroot (which would need copies of /etc). */
const masterCf = `
smtp       inet  n - n - - smtpd
cleanup    unix  n - n - 0 cleanup
qmgr       unix  n - n 300 1 qmgr
tlsmgr     unix  - - n 1000? 1 tlsmgr
rewrite    unix  - - n - - trivial-rewrite
bounce     unix  - - n - 0 bounce
defer      unix  - - n - 0 bounce
trace      unix  - - n - 0 bounce
verify     unix  - - n - 1 verify
flush      unix  n - n 1000? 0 flush
proxymap   unix  - - n - - proxymap
proxywrite unix  - - n - 1 proxymap
smtp       unix  - - n - - smtp
relay      unix  - - n - - smtp
showq      unix  n - n - - showq
error      unix  - - n - - error
retry      unix  - - n - - error
discard    unix  - - n - - discard
local      unix  - n n - - local
virtual    unix  - n n - - virtual
lmtp       unix  - - n - - lmtp
anvil      unix  - - n - 1 anvil
scache     unix  - - n - 1 scache
postlog    unix-dgram n - n - 1 postlogd
`;
