import { isIP } from 'node:net';
import {
  addressesOf,
  type Diagnosis,
  failed,
  fine,
  reversed,
  sameAddress,
  unknown,
  warning,
} from '#domain/dns/diagnosis.ts';
import { recordsOf } from '#domain/dns/dns.ts';
import { diagnoseHostAddresses } from '#domain/dns/service-dns.ts';
import { type Patient, subjectOf } from './diagnosis.ts';

/** Port 25 outbound: the MX of a large domain must greet us. Many providers close it until they are asked. */
export async function diagnosePort25(patient: Patient): Promise<Diagnosis[]> {
  const check = 'port-25';
  const { mxDomain, outboundPort } = patient.probes;
  const mx = recordsOf(await patient.lookup(mxDomain, 'MX'))
    .map((record) => record.split(' '))
    .sort(([a], [b]) => Number(a) - Number(b));
  const [, host] = mx[0] ?? [];
  if (!host || host === '.') {
    return [unknown(check, `${mxDomain} has no MX to try.`, 'Name another domain with --mx-domain.')];
  }
  const addresses = await addressesOf(patient.lookup, host);
  const families = placesOf(patient).flatMap(({ ipv4, ipv6, isListed }) => [
    { family: 4, localAddress: ipv4, wanted: !isListed || ipv4 !== undefined },
    {
      family: 6,
      localAddress: ipv6,
      wanted: isListed ? ipv6 !== undefined : !patient.config.outboundIpv4Only,
    },
  ]);
  const found: Diagnosis[] = [];
  for (const { family, localAddress, wanted } of families) {
    const address = addresses.find((one) => isIP(one) === family);
    if (!wanted || address === undefined) continue;
    found.push(await greeted(patient, { family, host, address, port: outboundPort, localAddress }));
  }
  return found.length > 0
    ? found
    : [unknown(check, `${host} has no address to try.`, 'Name another domain with --mx-domain.')];
}

async function greeted(
  patient: Patient,
  target: { family: number; host: string; address: string; port: number; localAddress: string | undefined },
): Promise<Diagnosis> {
  const check = `port-25-ipv${target.family}`;
  const { host, address, port, localAddress } = target;
  const greeting = await patient.greet({ host: address, port, localAddress });
  if ('error' in greeting) {
    const observed = `${host} (${address}) port ${port}: ${greeting.error}.`;
    // A machine without IPv6 can do its work; one without IPv4 cannot.
    return target.family === 6
      ? warning(check, observed, 'Give the machine working IPv6, or set PENNYPOST_OUTBOUND_IPV4_ONLY=true.')
      : failed(
          check,
          observed,
          'Ask your provider to open outbound port 25, and open it in your firewall; until then mail can leave by a relay: see the guide "Start without port 25".',
        );
  }
  if (!greeting.line.startsWith('220')) {
    return warning(
      check,
      `${host} (${address}) answered "${greeting.line}".`,
      'Look why it does not welcome this address: something on the way may intercept port 25, or the address is refused.',
    );
  }
  return fine(check, `${host} (${address}) greets us; we come from ${greeting.localAddress}.`);
}

/** Names with the addresses that mail leaves from under them. */
function placesOf({ config, sendingAddresses }: Patient) {
  if (sendingAddresses.length === 0) {
    return [{ name: config.hostName, ...config.outboundAddresses, isListed: false }];
  }
  return sendingAddresses.map(({ name, ipv4, ipv6 }) => ({ name, ipv4, ipv6, isListed: true }));
}

/** Whether the addresses of each name are those that mail leaves from, and this machine's. */
export async function diagnoseAddresses(patient: Patient): Promise<Diagnosis[]> {
  const published = await diagnoseHostAddresses(subjectOf(patient));
  if (published.some(({ status }) => status !== 'ok')) return published;
  const found = await Promise.all(placesOf(patient).map((place) => diagnosePlace(patient, place)));
  return found.flat().length > 0 ? found.flat() : published;
}

async function diagnosePlace(
  patient: Patient,
  { name: hostName, ipv4, ipv6 }: { name: string; ipv4: string | undefined; ipv6: string | undefined },
): Promise<Diagnosis[]> {
  const check = 'host-addresses';
  const addresses = await addressesOf(patient.lookup, hostName);
  const own = [ipv4, ipv6].filter((one) => one !== undefined);
  const missing = own.filter((one) => !addresses.some((address) => sameAddress(address, one)));
  if (missing.length > 0) {
    return [
      failed(
        check,
        `${hostName} is ${addresses.join(', ')}, but mail leaves from ${missing.join(', ')}.`,
        `Publish the outbound addresses as A and AAAA of ${hostName}.`,
      ),
    ];
  }
  const foreign = addresses.filter((one) => !patient.localAddresses.some((local) => sameAddress(local, one)));
  if (foreign.length > 0) {
    return [
      warning(
        check,
        `${hostName} is ${addresses.join(', ')}; ${foreign.join(', ')} is not on an interface of this machine.`,
        'That is right behind a one-to-one NAT; otherwise correct the A and AAAA records.',
      ),
    ];
  }
  return [];
}

/** Blocklists that list an address of the node. */
export async function diagnoseBlocklists(patient: Patient): Promise<Diagnosis[]> {
  const names = placesOf(patient).map(({ name }) => name);
  const addresses = (await Promise.all(names.map((name) => addressesOf(patient.lookup, name)))).flat();
  return await Promise.all(
    patient.probes.dnsbls.flatMap((list) =>
      addresses.map((address) => diagnoseListing(patient, list, address)),
    ),
  );
}

async function diagnoseListing({ lookup }: Patient, list: string, address: string): Promise<Diagnosis> {
  const check = `blocklist ${list} ${address}`;
  const name = `${reversed(address)}.${list}`;
  const answer = await lookup(name, 'A');
  if ('failure' in answer) {
    return answer.failure === 'nxdomain' || answer.failure === 'nodata'
      ? fine(check, `${address} is not listed.`)
      : unknown(
          check,
          `${list} did not answer (${answer.failure}).`,
          'Try again later, or leave the list out.',
        );
  }
  const codes = answer.records.join(', ');
  // Answers such as 127.255.255.254 refuse the question: it came through a public resolver.
  if (answer.records.every((code) => code.startsWith('127.255.255.'))) {
    return unknown(
      check,
      `${list} refuses to answer this resolver (${codes}).`,
      'Use a resolver of your own.',
    );
  }
  if (!answer.records.some((code) => code.startsWith('127.'))) {
    return unknown(
      check,
      `${list} answers ${codes}, which is no blocklist answer.`,
      'Use a resolver that does not lie.',
    );
  }
  const reason = recordsOf(await lookup(name, 'TXT')).join(' ');
  return failed(
    check,
    `${address} is listed (${codes}). ${reason}`.trim(),
    `Find the cause, then ask ${list} to take ${address} off.`,
  );
}
