import { assertNever } from '../../assert-never.ts';
import { cloudmailinFields, cloudmailinPayload, rawFields } from './cloudmailin.ts';
import { eventPayload } from './event.ts';
import { type BodyPieces, multipartBody } from './form-data.ts';
import { postmarkPayload } from './postmark.ts';
import { postscalePayload } from './postscale.ts';
import { resendPayload } from './resend.ts';
import type { PayloadSource } from './source.ts';

/** The formats in which received mail is posted. */
export const receivedFormats = [
  'event',
  'postscale',
  'resend',
  'postmark',
  'cloudmailin',
  'cloudmailin-multipart',
  'raw',
] as const;
export type ReceivedFormat = (typeof receivedFormats)[number];

/** What is posted; signatures cover the bytes of its body. */
export interface ReceivedPayload {
  contentType: string;
  body: BodyPieces;
}

/**
 * The payload of a format.
 * @param raw gives the mail as it came; only the format `raw` asks for it
 */
export async function receivedPayload(
  format: ReceivedFormat,
  source: PayloadSource,
  raw: () => Promise<Uint8Array<ArrayBuffer>>,
): Promise<ReceivedPayload> {
  switch (format) {
    case 'event':
      return json(eventPayload(source));
    case 'postscale':
      return json(postscalePayload(source));
    case 'resend':
      return json(resendPayload(source));
    case 'postmark':
      return json(postmarkPayload(source));
    case 'cloudmailin':
      return json(cloudmailinPayload(source));
    case 'cloudmailin-multipart':
      return multipartBody(cloudmailinFields(source), source.mail.id);
    case 'raw':
      return multipartBody(rawFields(source, await raw()), source.mail.id);
    default:
      return assertNever(format);
  }
}

function json(value: unknown): ReceivedPayload {
  return { contentType: 'application/json', body: [JSON.stringify(value)] };
}
