import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Log } from '../log.ts';
import { type KeyPair, selfSigned } from './self-signed.ts';

export interface CertificateFiles {
  certFile: string;
  keyFile: string;
}

/** The configured files, or those of a self-signed certificate when none are configured. */
export async function certificateFiles(
  of: { tlsCertificateFile: string; tlsKeyFile: string; dataDirectory: string; hostName: string },
  nowMs: number,
): Promise<CertificateFiles> {
  return of.tlsCertificateFile
    ? { certFile: of.tlsCertificateFile, keyFile: of.tlsKeyFile }
    : await ensureSelfSigned(of.dataDirectory, of.hostName, nowMs);
}

/**
 * The files of the self-signed certificate in `directory`, made when there is none for this name that is
 * valid for another month.
 */
export async function ensureSelfSigned(
  directory: string,
  hostName: string,
  nowMs: number,
): Promise<CertificateFiles> {
  const files = {
    certFile: join(directory, 'self-signed.cert.pem'),
    keyFile: join(directory, 'self-signed.key.pem'),
  };
  const there = await readPair(files).catch(() => null);
  const certificate = there && new X509Certificate(there.cert);
  const monthMs = 30 * 86_400_000;
  if (certificate?.checkHost(hostName) && certificate.validToDate.getTime() > nowMs + monthMs) return files;
  const { cert, key } = selfSigned(hostName, nowMs);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await writeFile(files.keyFile, key, { mode: 0o600 });
  await writeFile(files.certFile, cert);
  return files;
}

/** Reads a certificate and its key. Throws when they cannot be read or do not belong together. */
export async function readPair(files: CertificateFiles): Promise<KeyPair> {
  const [cert, key] = await Promise.all([readFile(files.certFile, 'utf8'), readFile(files.keyFile, 'utf8')]);
  if (!new X509Certificate(cert).checkPrivateKey(createPrivateKey(key))) {
    throw new Error(`the key in ${files.keyFile} does not belong to the certificate in ${files.certFile}`);
  }
  return { cert, key };
}

/** Looks at the files every so often and tells of a new pair; a pair that does not fit yet is left alone. */
export class CertificateWatch {
  readonly #timer: NodeJS.Timeout;

  constructor(
    files: CertificateFiles,
    options: { current: KeyPair; everyMs: number; log: Log; onChange: (pair: KeyPair) => void },
  ) {
    let { current } = options;
    let looking = false;
    const look = async () => {
      if (looking) return;
      looking = true;
      try {
        const pair = await readPair(files);
        if (pair.cert === current.cert && pair.key === current.key) return;
        current = pair;
        options.onChange(pair);
        options.log.info({ subject: new X509Certificate(pair.cert).subject }, 'certificate changed');
      } catch (error) {
        options.log.warn({ err: error }, 'the certificate cannot be used; the old one is kept');
      } finally {
        looking = false;
      }
    };
    this.#timer = setInterval(look, options.everyMs);
    this.#timer.unref();
  }

  close(): void {
    clearInterval(this.#timer);
  }
}
