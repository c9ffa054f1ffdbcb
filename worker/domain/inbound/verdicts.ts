import { z } from 'zod';

/**
 * What was found out about a mail on its arrival. Results are the words of RFC 8601 §2.7; `none`: there was nothing to
 * judge, or nobody could (mail that comes by Email Routing has no client address, so its SPF is `none`).
 */
const result = z.enum(['pass', 'fail', 'softfail', 'neutral', 'none', 'policy', 'temperror', 'permerror']);
export type AuthResult = z.infer<typeof result>;

const domainName = z.string().max(255);

export const verdictsSchema = z.object({
  /** RFC 7208: of the envelope sender's domain, or of the HELO name when the sender is null. */
  spf: z.object({ result, domain: domainName }),
  /** RFC 6376: `pass` when at least one signature passes. */
  dkim: z.object({
    result,
    /** One for each signature, in the order in which they stand in the header. */
    signatures: z
      .array(
        z.object({
          result,
          /** `d=` */
          domain: domainName,
          /** `s=` */
          selector: z.string().max(255),
          /** `a=`, e.g. `rsa-sha256` */
          algorithm: z.string().max(64),
          /** Its domain is the author's (RFC 9989, relaxed). */
          aligned: z.boolean(),
        }),
      )
      .max(50),
  }),
  /** RFC 9989: of the domain of From. */
  dmarc: z.object({
    result,
    domain: domainName,
    /** What the domain asks to be done with mail that fails; null: it has no record. */
    policy: z.enum(['none', 'quarantine', 'reject']).nullable(),
    spfAligned: z.boolean(),
    dkimAligned: z.boolean(),
  }),
  /** RFC 8617: of the chain as it came; `instance` 0: there is none. */
  arc: z.object({ result, instance: z.number().int().min(0).max(50) }),
  /** The name that the client's address has in DNS, and whether that name has the address. */
  reverse: z.object({ name: z.string().max(255), verified: z.boolean() }).nullable(),
  /** What rspamd said, where there is one beside the node (`/checkv2`); null: nobody was asked, or it did not answer. */
  spam: z
    .object({ score: z.number(), action: z.string().max(64), symbols: z.array(z.string().max(128)).max(200) })
    .nullable()
    .default(null),
});
export type Verdicts = z.infer<typeof verdictsSchema>;

export const noVerdicts: Verdicts = {
  spf: { result: 'none', domain: '' },
  dkim: { result: 'none', signatures: [] },
  dmarc: { result: 'none', domain: '', policy: null, spfAligned: false, dkimAligned: false },
  arc: { result: 'none', instance: 0 },
  reverse: null,
  spam: null,
};
