import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** An authority that openssl makes, and certificates that it issues. Files are gone when a call returns. */
export class Authority {
  readonly cert: string;
  readonly #key: string;

  constructor() {
    const { cert, key } = inFolder((at) => {
      openssl(
        'req',
        '-x509',
        ...ecKey,
        '-days',
        '30',
        '-subj',
        '/CN=Authority',
        '-keyout',
        at('key'),
        '-out',
        at('cert'),
      );
      return { cert: text(at('cert')), key: text(at('key')) };
    });
    this.cert = cert;
    this.#key = key;
  }

  /** A certificate that nobody else has signed, with its key. */
  static selfSigned(...names: string[]): { key: string; cert: string } {
    return inFolder((at) => {
      const files = ['-keyout', at('key'), '-out', at('cert')];
      openssl('req', '-x509', ...ecKey, '-days', '30', ...subjectOf(names), ...files);
      return { cert: text(at('cert')), key: text(at('key')) };
    });
  }

  /**
   * A key, and its certificate with the authority's behind it.
   * @param names one, or several of which the first is the subject's
   * @param days of validity; 0: it is over
   */
  issue(names: string | string[], days = 10): { key: string; cert: string } {
    return inFolder((at) => {
      writeFileSync(at('ca'), this.cert);
      writeFileSync(at('ca-key'), this.#key);
      openssl('req', '-new', ...ecKey, ...subjectOf([names].flat()), '-keyout', at('key'), '-out', at('csr'));
      // Only `openssl ca` can set both dates in every version.
      writeFileSync(at('index'), '');
      writeFileSync(at('config'), configOf(at));
      const dates =
        days > 0 ? ['-days', String(days)] : ['-startdate', '20240101000000Z', '-enddate', '20240201000000Z'];
      openssl(
        'ca',
        '-batch',
        '-notext',
        '-config',
        at('config'),
        ...dates,
        '-in',
        at('csr'),
        '-out',
        at('cert'),
      );
      return { key: text(at('key')), cert: text(at('cert')) + this.cert };
    });
  }
}

const ecKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
const text = (file: string) => readFileSync(file, 'utf8');

const subjectOf = (names: string[]) => {
  const alternatives = names.map((name) => `DNS:${name}`).join(',');
  return ['-subj', `/CN=${names[0]}`, '-addext', `subjectAltName=${alternatives}`];
};

const configOf = (at: (name: string) => string) =>
  `[ca]\ndefault_ca=own\n[own]\ndatabase=${at('index')}\nrand_serial=yes\nnew_certs_dir=${at('')}\n` +
  `certificate=${at('ca')}\nprivate_key=${at('ca-key')}\ndefault_md=sha256\npolicy=any\n` +
  'copy_extensions=copy\n[any]\ncommonName=supplied\n';

function openssl(...args: string[]): void {
  execFileSync('openssl', args, { stdio: 'pipe' });
}

function inFolder<T>(work: (at: (name: string) => string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), 'pennypost-authority-'));
  try {
    return work((name) => join(folder, name));
  } finally {
    rmSync(folder, { recursive: true });
  }
}
