import { z } from 'zod';
import { isWithin } from '../message/address.ts';
import type { Verdicts } from './verdicts.ts';

/** How the node is to send a message on, and who hears of a failure. Pure. */
export const forwardOrder = z.object({
  /** The address whose mail it is. */
  address: z.string().max(320),
  /** Envelope sender that it came with; empty: the null sender, and then it goes on with that. */
  sender: z.string().max(320),
  /** That sender hears of a failure, once: it is proven to have sent it. */
  tells: z.boolean(),
  /** From is of the signing domain, whose DKIM signature it needs. */
  signs: z.boolean(),
  /** What an ARC set of ours says (RFC 8617); null: none is set. */
  seal: z
    .object({
      /** What was found on arrival: the `resinfo` of RFC 8601 §2.2, without the name of who found it. */
      results: z.string().max(8192),
      /** The chain as it came. */
      cv: z.enum(['none', 'pass', 'fail']),
    })
    .nullable(),
  /** Null: as it came. */
  masked: z
    .object({
      /** The address `reply+<token>` that stands for the other side. */
      reply: z.string().max(320),
      /** Its Message-ID as it came, with angle brackets; empty: it had none. */
      messageId: z.string().max(998),
    })
    .nullable()
    .default(null),
});
export type ForwardOrder = z.infer<typeof forwardOrder>;

/** The order of a message that a person or program sent to an address. */
export function orderOf(
  { address, signs }: { address: string; signs: boolean },
  mail: { mailFrom: string; verdicts: Verdicts },
): ForwardOrder {
  const { arc } = mail.verdicts;
  const cv = arc.result === 'none' || arc.result === 'pass' || arc.result === 'fail' ? arc.result : null;
  return {
    address,
    sender: mail.mailFrom,
    tells: mail.mailFrom !== '' && isProven(mail.mailFrom, mail.verdicts),
    signs,
    seal: cv === null ? null : { results: resultsOf(mail), cv },
    masked: null,
  };
}

/** The order of a masked message: signed by the alias's domain, and no ARC set, which would tell where it came from. */
export function maskedOrder(
  address: string,
  mail: { mailFrom: string; verdicts: Verdicts },
  masked: NonNullable<ForwardOrder['masked']>,
): ForwardOrder {
  return { ...orderOf({ address, signs: true }, mail), seal: null, masked };
}

/** The order of a notification of ours, which comes from the null sender (RFC 5321 §4.5.5). */
export function noticeOrder(address: string): ForwardOrder {
  return { address, sender: '', tells: false, signs: true, seal: null, masked: null };
}

/** SPF, or a DKIM signature of its domain, says that the envelope sender is who it says: so a notification hits nobody else. */
function isProven(mailFrom: string, { spf, dkim }: Verdicts): boolean {
  const domain = domainOf(mailFrom);
  if (spf.result === 'pass' && spf.domain.toLowerCase() === domain) return true;
  return dkim.signatures.some(
    (one) =>
      one.result === 'pass' &&
      (isWithin(domain, one.domain.toLowerCase()) || isWithin(one.domain.toLowerCase(), domain)),
  );
}

function domainOf(address: string): string {
  return address.slice(address.lastIndexOf('@') + 1).toLowerCase();
}

/** RFC 8601 §2.7. */
function resultsOf({ mailFrom, verdicts }: { mailFrom: string; verdicts: Verdicts }): string {
  const { spf, dkim, dmarc, arc } = verdicts;
  const parts = [
    `spf=${spf.result}${property('smtp.mailfrom', domainOf(mailFrom) || spf.domain)}`,
    ...dkim.signatures
      .slice(0, mostSignatures)
      .map(
        (one) => `dkim=${one.result}${property('header.d', one.domain)}${property('header.s', one.selector)}`,
      ),
    ...(dkim.signatures.length === 0 ? ['dkim=none'] : []),
    `dmarc=${dmarc.result}${property('header.from', dmarc.domain)}`,
    `arc=${arc.result}`,
  ];
  return parts.join('; ');
}

const mostSignatures = 10;

/** A value of others, which may break out of nothing. */
function property(name: string, value: string): string {
  return /^[A-Za-z0-9._-]{1,253}$/.test(value) ? ` ${name}=${value}` : '';
}
