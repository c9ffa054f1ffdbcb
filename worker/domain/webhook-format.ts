/** The formats in which webhooks are posted. */
export const webhookFormats = [
  'cloudmailin',
  'event',
  'postscale',
  'resend',
  'postmark',
  'cloudmailin-multipart',
  'raw',
] as const;
export type WebhookFormat = (typeof webhookFormats)[number];

/** Formats that tell of received mail only. */
export const receivedOnly: readonly WebhookFormat[] = ['cloudmailin-multipart', 'raw'];
