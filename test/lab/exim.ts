/**
 * Exim, unpacked into a folder of its own, for its Debian package and that of Postfix shut each other out. Its
 * configuration, spool and logs are the host's; of the system's nothing is used and nothing is changed.
 */
import { existsSync } from 'node:fs';
import { chown, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type EximSettings, type HostName, hosts, isHostName } from './hosts.ts';
import type { Namespaces } from './namespaces.ts';
import { untilListening } from './until-listening.ts';

/** Where `unpack-exim.sh` puts it. */
const eximRoot = '/opt/pennypost-lab/exim';
export const exim = join(eximRoot, 'usr/sbin/exim4');
/** The user that Debian's Exim wants to find, in the hosts' own /etc/passwd; a number that nobody has. */
const user = { name: 'Debian-exim', id: 64_925 };

/** Why Exim is left out, or undefined when it is there. */
export const whyNoExim: string | undefined = existsSync(exim)
  ? undefined
  : 'Exim is not unpacked: run test/lab/unpack-exim.sh';

export const eximLog = (labDir: string, host: HostName) => join(labDir, host, 'log', 'mainlog');

/** Starts the Exim of a host and returns once it answers on port 25; does nothing where Exim is not. */
export async function startExim(namespaces: Namespaces, labDir: string, host: HostName): Promise<void> {
  const settings = hosts[host].exim;
  if (!settings || whyNoExim) return;
  const dir = join(labDir, host);
  for (const part of ['spool', 'log']) {
    await mkdir(join(dir, part), { recursive: true });
    await chown(join(dir, part), user.id, user.id);
  }
  // `ip netns exec` shows these to the host's processes as /etc/passwd and /etc/group.
  const etc = join('/etc/netns', namespaces.nameOf(host));
  const { name, id } = user;
  await writeFile(
    join(etc, 'passwd'),
    `${await readFile('/etc/passwd', 'utf8')}${name}:x:${id}:${id}::/nonexistent:/usr/sbin/nologin\n`,
  );
  await writeFile(join(etc, 'group'), `${await readFile('/etc/group', 'utf8')}${name}:x:${id}:\n`);
  const conf = join(dir, 'exim.conf');
  await writeFile(conf, configuration(dir, hosts[host].fqdn, settings), { mode: 0o644 });
  namespaces.spawn(host, exim, ['-C', conf, '-bdf', '-q2s'], { detached: true, stdio: 'ignore' }).unref();
  await untilListening(namespaces, host, 25);
}

function configuration(dir: string, fqdn: string, settings: EximSettings): string {
  const domains = Object.keys(settings.relayTo).join(' : ');
  const routes = Object.entries(settings.relayTo).map(([domain, next]) => {
    if (!isHostName(next)) throw new Error(`${domain} is relayed to ${next}, which is no host`);
    return `${domain} ${hosts[next].ipv4}`;
  });
  return `
primary_hostname = ${fqdn}
exim_path = ${exim}
spool_directory = ${dir}/spool
log_file_path = ${dir}/log/%slog
pid_file_path = ${dir}/exim.pid
keep_environment =
# It only takes and sends by SMTP, which needs no root.
deliver_drop_privilege
disable_ipv6
tls_advertise_hosts =
delay_warning = ${settings.warnAfterSeconds}s
# Loops are left to the next host to see.
received_headers_max = 100
domainlist relayed = ${domains}
acl_smtp_rcpt = rcpt

begin acl
rcpt:
  accept domains = +relayed
  deny message = relaying is not permitted

begin routers
relayed:
  driver = manualroute
  domains = +relayed
  transport = smtp
  route_list = ${routes.join(' ; ')}
  no_more
outside:
  driver = dnslookup
  transport = smtp
  # reserved addresses are the lab's own
  no_more

begin transports
smtp:
  driver = smtp

begin retry
${Object.keys(settings.relayTo)
  .map((domain) => `${domain} * F,${settings.lifetimeSeconds}s,2s`)
  .join('\n')}
* * F,1h,2s
`;
}
