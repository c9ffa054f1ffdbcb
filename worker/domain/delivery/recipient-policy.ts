import { z } from 'zod';

/**
 * What a recipient domain asks of TLS, as a node has found it: MTA-STS (RFC 8461), and DANE (RFC 7672) of each of its MX
 * hosts. It is kept for people to look at; nodes act on what they find themselves.
 */
export const recipientPolicy = z.object({
  /** A-labels, lower case. */
  domain: z.string().regex(/^[a-z0-9_.-]{1,253}$/),
  /** The policy in force; null: none. */
  sts: z
    .object({
      id: z.string().max(32),
      mode: z.enum(['enforce', 'testing']),
      /** Names and `*.` patterns of the policy. */
      mx: z.array(z.string().max(255)).max(50),
      /** Until when it is kept, Unix ms. */
      expiresMs: z.number().int().min(0).max(8.64e15),
    })
    .nullable(),
  /** Why a policy that its DNS announces could not be had; null: it could, or none is announced. */
  stsFault: z.string().max(300).nullable(),
  /** MX hosts with DANE. */
  dane: z
    .array(
      z.object({
        host: z.string().max(255),
        /** `any`: encryption of whatever certificate, for want of records that SMTP knows; `failed`: DNS cannot tell. */
        state: z.enum(['records', 'any', 'failed']),
        /** TLSA records, `3 1 1 <hex>`, the hex cut short. */
        records: z.array(z.string().max(100)).max(20),
      }),
    )
    .max(20),
});
export type RecipientPolicy = z.infer<typeof recipientPolicy>;

/** Whether anything is asked for. */
export function asksForTls({ sts, stsFault, dane }: RecipientPolicy): boolean {
  return sts !== null || stsFault !== null || dane.length > 0;
}
