/** Verifiers that share no code with the product: opendkim (C), dkimpy and pyspf (Python). */
import { z } from 'zod';
import type { HostName } from './hosts.ts';
import type { Namespaces } from './namespaces.ts';
import { fromDomain, isolatedSignatures, type ReceivedMail, relaxedAligned } from './received-mail.ts';

/** Debian's packages are modules of this Python and of no other. */
const PYTHON = '/usr/bin/python3';
const script = new URL('verify.py', import.meta.url).pathname;

const dkimResult = z.object({
  domain: z.string(),
  selector: z.string(),
  /** `rsa-sha256` or `ed25519-sha256`. */
  algorithm: z.string(),
  pass: z.boolean(),
  detail: z.string(),
});
const spfResult = z.object({ result: z.string(), detail: z.string() });

/** What a verifier says of one DKIM signature. */
export type DkimResult = z.infer<typeof dkimResult>;
export type SpfResult = z.infer<typeof spfResult>;

export interface Verdict {
  /** Each signature by itself, topmost first. */
  dkimpy: DkimResult[];
  /** Each signature by itself, topmost first. */
  opendkim: DkimResult[];
  spf: SpfResult;
  /** The SPF domain (of the envelope sender) is aligned, relaxed, with From. */
  spfAligned: boolean;
  /** A signature that both DKIM verifiers accept is aligned, relaxed, with From. */
  dkimAligned: boolean;
}

export class Verifiers {
  readonly #namespaces: Namespaces;
  readonly #host: HostName;

  /** `host` is the one whose eyes (DNS) the verifiers use. */
  constructor(namespaces: Namespaces, host: HostName) {
    this.#namespaces = namespaces;
    this.#host = host;
  }

  /** All verifiers at once over one delivered file. */
  async verify(mail: ReceivedMail): Promise<Verdict> {
    const [dkimpy, opendkim, spf] = await Promise.all([
      this.dkimpy(mail.raw),
      this.opendkim(mail.raw),
      this.spf(mail),
    ]);
    const from = fromDomain(mail);
    return {
      dkimpy,
      opendkim,
      spf,
      spfAligned: relaxedAligned(mail.mailFrom.split('@').at(-1) ?? '', from),
      dkimAligned: dkimpy.some(
        ({ domain, pass }, index) => pass && opendkim[index]?.pass && relaxedAligned(domain, from),
      ),
    };
  }

  /** Each DKIM signature of a message by itself, topmost first. */
  async dkimpy(raw: Buffer): Promise<DkimResult[]> {
    const { stdout } = await this.#namespaces.run(this.#host, PYTHON, [script, 'dkim'], {
      input: toCrlf(raw),
    });
    return z.array(dkimResult).parse(JSON.parse(stdout));
  }

  /**
   * Each DKIM signature of a message by itself, topmost first. opendkim-testmsg is content with one good
   * signature, so it is shown one at a time.
   */
  async opendkim(raw: Buffer): Promise<DkimResult[]> {
    return await Promise.all(
      isolatedSignatures(toCrlf(raw)).map(async ({ tags, message }) => {
        const { code, stdout, stderr } = await this.#namespaces.run(this.#host, 'opendkim-testmsg', [], {
          input: message,
          mayFail: true,
        });
        const { d: domain = '', s: selector = '', a: algorithm = '' } = tags;
        return { domain, selector, algorithm, pass: code === 0, detail: `${stdout}${stderr}`.trim() };
      }),
    );
  }

  /** SPF of the connection that brought the file: its client address, HELO and envelope sender. */
  async spf({ client, mailFrom }: Pick<ReceivedMail, 'client' | 'mailFrom'>): Promise<SpfResult> {
    const args = [script, 'spf', client.ip, mailFrom, client.helo];
    const { stdout } = await this.#namespaces.run(this.#host, PYTHON, args);
    return spfResult.parse(JSON.parse(stdout));
  }
}

/** A Maildir keeps LF, DKIM is computed over CRLF (RFC 6376 §5.3). */
function toCrlf(raw: Buffer): Buffer {
  return Buffer.from(raw.toString('latin1').replace(/\r?\n/g, '\r\n'), 'latin1');
}
