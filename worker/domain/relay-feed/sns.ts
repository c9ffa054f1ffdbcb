import { z } from 'zod';

const line = (most: number) =>
  z
    .string()
    .min(1)
    .max(most)
    .regex(/^[^\r\n]*$/, 'must be on one line');

const common = {
  MessageId: line(200),
  TopicArn: line(300),
  Message: z.string().max(262_144),
  Timestamp: line(40),
  SignatureVersion: z.enum(['1', '2']),
  Signature: line(1024).regex(/^[A-Za-z0-9+/]+={0,2}$/, 'must be base64'),
  SigningCertURL: line(500).refine(
    isCertificateUrl,
    'must be a certificate at https://sns.<region>.amazonaws.com',
  ),
};
const confirmation = { ...common, Token: line(2000), SubscribeURL: line(2000) };

/** What Amazon SNS posts to an endpoint (docs.aws.amazon.com/sns/latest/dg/http-notification-json.html). */
export const snsMessage = z.discriminatedUnion('Type', [
  z.object({ Type: z.literal('Notification'), ...common, Subject: z.string().max(1000).nullish() }),
  z.object({ Type: z.literal('SubscriptionConfirmation'), ...confirmation }),
  z.object({ Type: z.literal('UnsubscribeConfirmation'), ...confirmation }),
]);
export type SnsMessage = z.infer<typeof snsMessage>;

/** A host of SNS in a region, in China's partition under another suffix: nobody else can have such a name. */
const host = String.raw`https://sns\.[a-z]{2}(?:-[a-z]{2,10}){1,3}-\d{1,2}\.amazonaws\.com(?:\.cn)?`;
const certificateUrl = new RegExp(`^${host}/SimpleNotificationService-[0-9a-f]{8,64}\\.pem$`);
const confirmationUrl = new RegExp(`^${host}/\\?Action=ConfirmSubscription&[A-Za-z0-9&=%:._~-]+$`);

/** Whether a certificate there is one of SNS. */
export function isCertificateUrl(text: string): boolean {
  return certificateUrl.test(text);
}

/** Whether a visit there confirms a subscription, and does nothing else. */
export function isConfirmationUrl(text: string): boolean {
  return confirmationUrl.test(text);
}

/**
 * What is signed of a message: names and values of these fields, each on a line of its own, in this order
 * (docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message-verify-message-signature.html).
 */
export function signedText(message: SnsMessage): string {
  const { Message, MessageId, Timestamp, TopicArn, Type } = message;
  const fields: [string, string | null | undefined][] =
    Type === 'Notification'
      ? [
          ['Message', Message],
          ['MessageId', MessageId],
          ['Subject', message.Subject],
          ['Timestamp', Timestamp],
          ['TopicArn', TopicArn],
          ['Type', Type],
        ]
      : [
          ['Message', Message],
          ['MessageId', MessageId],
          ['SubscribeURL', message.SubscribeURL],
          ['Timestamp', Timestamp],
          ['Token', message.Token],
          ['TopicArn', TopicArn],
          ['Type', Type],
        ];
  return fields
    .filter(([, value]) => value !== null && value !== undefined)
    .map(([name, value]) => `${name}\n${value}\n`)
    .join('');
}
