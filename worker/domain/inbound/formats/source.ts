import type { AttachmentUrl, ReceivedMail } from '../received.ts';

/** What a payload is made of. */
export interface PayloadSource {
  mail: ReceivedMail;
  attachmentUrl: AttachmentUrl;
  /** Where the raw mail can be fetched; null: it is not kept. */
  rawUrl: string | null;
}
