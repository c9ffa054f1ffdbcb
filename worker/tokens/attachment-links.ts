import { hexOf, octetsOfHex } from '#domain/hex.ts';
import { newestMac, verifyMac } from './keyed-mac.ts';

/** How long a link to an attachment holds. */
export const linkHoursMs = 24 * 3_600_000;
const macBytes = 16;

/** Where an attachment is, as its path says. */
export interface AttachmentPlace {
  accountId: number;
  receivedId: string;
  attachmentId: string;
}

/** The path of an attachment; whoever shows a key of the account may fetch it. */
export function attachmentPath({ receivedId, attachmentId }: Omit<AttachmentPlace, 'accountId'>): string {
  return `/v1/inbound-emails/${receivedId}/attachments/${attachmentId}/download`;
}

/** What stands for the whole mail where the id of an attachment does. */
export const wholeMail = 'raw';

/** A link that opens an attachment for a day without a key. @param origin where the API is */
export async function attachmentUrl(
  keys: readonly Uint8Array[],
  origin: string,
  place: AttachmentPlace,
  nowMs: number,
): Promise<string> {
  const link = await attachmentLink(keys, place, nowMs + linkHoursMs);
  return `${origin}${attachmentPath(place)}?link=${link}`;
}

/** The query of a link that opens an attachment without a key until a time. */
export async function attachmentLink(
  keys: readonly Uint8Array[],
  place: AttachmentPlace,
  untilMs: number,
): Promise<string> {
  const until = Math.floor(untilMs / 1000);
  const mac = (await (await newestMac(keys))(signed(place, until))).subarray(0, macBytes);
  return `${place.accountId}.${until}.${hexOf(mac)}`;
}

/** The account whose attachment a link opens; null when it does not, or no longer. */
export async function verifyAttachmentLink(
  keys: readonly Uint8Array[],
  link: string,
  place: Omit<AttachmentPlace, 'accountId'>,
  nowMs: number,
): Promise<number | null> {
  const [, account, until, mac] = /^(\d{1,15})\.(\d{1,12})\.([0-9a-f]{32})$/.exec(link) ?? [];
  if (!account || !until || !mac || Number(until) * 1000 < nowMs) return null;
  const accountId = Number(account);
  const bytes = octetsOfHex(mac);
  const good = await verifyMac(keys, signed({ ...place, accountId }, Number(until)), bytes);
  return good ? accountId : null;
}

/** The purpose stands in front, so that no other token made with these keys is one of these. */
function signed({ accountId, receivedId, attachmentId }: AttachmentPlace, until: number): Uint8Array {
  return new TextEncoder().encode(`attachment ${accountId} ${receivedId} ${attachmentId} ${until}`);
}
