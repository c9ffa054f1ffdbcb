import { X509Certificate } from 'node:crypto';
import { z } from 'zod';
import { type Diagnosis, failed, fine, unknown, warning } from '#domain/dns/diagnosis.ts';
import {
  diagnoseDatabaseSize,
  diagnoseHomes,
  diagnoseRelays,
  diagnoseWorkerTransport,
} from '#domain/dns/installation.ts';
import { installationResponse } from '#domain/node-contract.ts';
import { shownToken } from '../../own-token.ts';
import type { Patient } from './diagnosis.ts';

const dayMs = 86_400_000;
/** Let's Encrypt renews thirty days ahead; what is left with less has not been renewed. */
const renewalDays = 14;

/** The certificate of submission: named, valid, renewed. */
export async function diagnoseCertificate({ config, readFile, nowMs }: Patient): Promise<Diagnosis[]> {
  const check = 'certificate';
  const path = config.tlsCertificateFile;
  const get = `Get a certificate for ${config.hostName} (for example with certbot) and set PENNYPOST_TLS_CERT_FILE and PENNYPOST_TLS_KEY_FILE.`;
  if (path === '')
    return [
      warning(check, 'A self-signed certificate is used: SMTP clients that verify will refuse it.', get),
    ];
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(await readFile(path));
  } catch (error) {
    const why = error instanceof Error ? error.message : 'unreadable';
    return [failed(check, `${path} cannot be read: ${why}.`, get)];
  }
  const { subjectAltName, validFromDate, validToDate } = certificate;
  if (!certificate.checkHost(config.hostName)) {
    return [
      failed(check, `It is for ${subjectAltName ?? certificate.subject}, not for ${config.hostName}.`, get),
    ];
  }
  const until = validToDate.toISOString().slice(0, 10);
  if (validFromDate.getTime() > nowMs()) {
    return [
      failed(check, `It is valid only from ${validFromDate.toISOString()}.`, 'Set the clock right, or wait.'),
    ];
  }
  const daysLeft = Math.floor((validToDate.getTime() - nowMs()) / dayMs);
  if (daysLeft < 0)
    return [
      failed(check, `It expired on ${until}.`, 'Renew the certificate; the node takes a new file by itself.'),
    ];
  if (daysLeft < renewalDays) {
    return [
      warning(check, `It expires in ${daysLeft} days (${until}).`, 'See why it is not renewed by itself.'),
    ];
  }
  return [fine(check, `It is for ${config.hostName} and valid until ${until}.`)];
}

/** What the edge tells everybody at `/healthz`. */
const healthSchema = z.object({ service_domain: z.string(), time: z.string() });

/** Asks the edge what it tells everybody; null when it does not answer as an edge does. */
export async function askHealth(
  edgeUrl: string,
  get: typeof fetch,
): Promise<z.infer<typeof healthSchema> | null> {
  try {
    const response = await get(`${edgeUrl}/healthz`, { signal: AbortSignal.timeout(10_000) });
    return healthSchema.parse(await response.json());
  } catch {
    return null;
  }
}

/** The way to the edge, the token, and the clock against the edge's. */
export async function diagnoseEdge({ config, fetch, nowMs }: Patient): Promise<Diagnosis[]> {
  let response: Response;
  try {
    response = await fetch(`${config.edgeUrl}/node/v1/raw/doctor`, {
      headers: { Authorization: `Bearer ${await shownToken(config)}` },
      signal: AbortSignal.timeout(config.edgeTimeoutSeconds * 1000),
      redirect: 'manual',
    });
    await response.body?.cancel();
  } catch (error) {
    const cause =
      error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
    return [
      failed(
        'edge',
        `${config.edgeUrl} cannot be reached: ${cause}.`,
        'Check PENNYPOST_EDGE_URL, and that HTTPS may go out.',
      ),
      unknown('clock', 'There is nothing to compare with.', 'Mend the way to the edge first.'),
    ];
  }
  const startMs = nowMs();
  const health = await askHealth(config.edgeUrl, fetch);
  return [edgeOf(config.edgeUrl, response.status), clockOf(health?.time ?? '', startMs, nowMs())];
}

/** How full the edge's databases are (when one is full, nothing is accepted or recorded any more), and what relays do with mail. */
export async function diagnoseDatabase({ config, fetch }: Patient): Promise<Diagnosis[]> {
  const response = await fetch(`${config.edgeUrl}/node/v1/installation`, {
    headers: { Authorization: `Bearer ${await shownToken(config)}` },
    signal: AbortSignal.timeout(config.edgeTimeoutSeconds * 1000),
    redirect: 'manual',
  }).catch(() => null);
  const told = installationResponse.safeParse(await response?.json().catch(() => null));
  if (!told.success)
    return [unknown('database-size', 'The edge does not tell.', 'Mend the way to the edge, or update it.')];
  const { homes, databaseSize, relays, workerTransport } = told.data;
  const sizes = homes.length > 0 ? diagnoseHomes(homes) : [diagnoseDatabaseSize(databaseSize)];
  return [...sizes, ...diagnoseRelays(relays), ...diagnoseWorkerTransport(workerTransport)];
}

function edgeOf(edgeUrl: string, status: number): Diagnosis {
  // There is no such message: the edge says 404 to a node that it knows.
  if (status === 404) return fine('edge', `${edgeUrl} answers and takes the token.`);
  if (status === 401)
    return failed(
      'edge',
      `${edgeUrl} does not take the token.`,
      'Start the node once, so that it gets its token; or make one (npm run nodes -- add NODE) and set it as PENNYPOST_NODE_TOKEN.',
    );
  return failed(
    'edge',
    `${edgeUrl} answers ${status}.`,
    'Check PENNYPOST_EDGE_URL; look at the logs of the Worker (wrangler tail).',
  );
}

function clockOf(time: string, startMs: number, endMs: number): Diagnosis {
  const edgeMs = Date.parse(time);
  if (Number.isNaN(edgeMs)) return unknown('clock', 'The edge does not tell the time.', 'Update the edge.');
  // The edge's time was taken somewhere between the question and the answer.
  const offSeconds = Math.max(0, Math.round(Math.max(startMs - edgeMs, edgeMs - endMs) / 1000));
  const fix = 'Have the clock kept by NTP (systemd-timesyncd, chrony).';
  if (offSeconds > 60) return failed('clock', `The clock is ${offSeconds} s off.`, fix);
  if (offSeconds > 2) return warning('clock', `The clock is ${offSeconds} s off.`, fix);
  return fine('clock', 'The clock agrees with the edge.');
}

/** Whether the resolver tells the truth: about names that do not exist, and about DNSSEC. */
export async function diagnoseResolver({ lookup, probes }: Patient): Promise<Diagnosis[]> {
  const use =
    'Use a validating resolver of your own (unbound) or a public one that does not filter: PENNYPOST_DNS_SERVERS.';
  const absent = await lookup(probes.absentName, 'A');
  const broken = await lookup(probes.brokenDnssecName, 'A');
  const good = await lookup(probes.goodDnssecName, 'A');
  const honest =
    'failure' in absent
      ? absent.failure === 'nxdomain'
        ? fine('resolver-honest', `${probes.absentName} does not exist, and it says so.`)
        : failed(
            'resolver-honest',
            `It says ${absent.failure} of ${probes.absentName}, which does not exist.`,
            use,
          )
      : failed(
          'resolver-honest',
          `It says that ${probes.absentName} is ${absent.records.join(', ')}: it lies.`,
          use,
        );
  if ('failure' in good) {
    return [
      honest,
      failed('resolver-dnssec', `It cannot resolve ${probes.goodDnssecName} (${good.failure}).`, use),
    ];
  }
  const validates = 'failure' in broken && broken.failure === 'servfail';
  return [
    honest,
    validates
      ? fine('resolver-dnssec', 'It validates DNSSEC.')
      : warning(
          'resolver-dnssec',
          `It does not validate DNSSEC: it answers for ${probes.brokenDnssecName}.`,
          use,
        ),
  ];
}
