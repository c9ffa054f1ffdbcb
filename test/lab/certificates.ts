/** The certificates that lab servers show, made by openssl on every `up`. */
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TlsFace } from './hosts.ts';
import { runHere } from './namespaces.ts';

export const caFile = (labDir: string) => join(labDir, 'tls', 'ca.pem');

const ecKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

/** Makes the lab's own authority; a client that trusts `caFile` can verify the hosts whose face is `lab-ca`. */
export async function makeAuthority(labDir: string): Promise<void> {
  const dir = join(labDir, 'tls');
  await mkdir(dir, { recursive: true });
  await runHere('openssl', [
    ...['req', '-x509', ...ecKey, '-days', '30', '-subj', '/CN=Mail lab authority'],
    ...['-keyout', join(dir, 'ca.key'), '-out', caFile(labDir)],
  ]);
  await chmod(join(dir, 'ca.key'), 0o600);
}

/** Makes key and certificate for a name; gives their files. */
export async function makeCertificate(
  labDir: string,
  fqdn: string,
  face: Exclude<TlsFace, 'none'>,
): Promise<{ key: string; cert: string }> {
  const dir = join(labDir, 'tls', fqdn);
  await mkdir(dir, { recursive: true });
  const [key, cert, csr] = [join(dir, 'key.pem'), join(dir, 'cert.pem'), join(dir, 'csr.pem')];
  const san = ['-addext', `subjectAltName=DNS:${fqdn}`];
  await runHere('openssl', [
    'req',
    '-new',
    ...ecKey,
    '-subj',
    `/CN=${fqdn}`,
    ...san,
    '-keyout',
    key,
    '-out',
    csr,
  ]);
  await chmod(key, 0o600);
  if (face === 'expired') await selfSignExpired(dir, { key, cert, csr });
  else {
    await runHere('openssl', [
      ...['x509', '-req', '-in', csr, '-CA', caFile(labDir), '-CAkey', join(labDir, 'tls', 'ca.key')],
      ...['-CAcreateserial', '-CAserial', join(dir, 'serial'), '-days', '30', '-copy_extensions', 'copy'],
      ...['-out', cert],
    ]);
  }
  return { key, cert };
}

/** Only `openssl ca` can set both dates in every version. */
async function selfSignExpired(dir: string, { key, cert, csr }: Record<'key' | 'cert' | 'csr', string>) {
  await writeFile(join(dir, 'index.txt'), '');
  await writeFile(
    join(dir, 'ca.cnf'),
    `[ca]\ndefault_ca=own\n[own]\ndatabase=${dir}/index.txt\nrand_serial=yes\nnew_certs_dir=${dir}\n` +
      'default_md=sha256\npolicy=any\ncopy_extensions=copy\n[any]\ncommonName=supplied\n',
  );
  await runHere('openssl', [
    ...['ca', '-batch', '-notext', '-selfsign', '-config', join(dir, 'ca.cnf'), '-keyfile', key],
    ...['-startdate', '20240101000000Z', '-enddate', '20240201000000Z', '-in', csr, '-out', cert],
  ]);
}
