import type { Returned } from '#domain/bounce/returned-mail.ts';
import { cloudflareEvent, readCloudflareEvent } from '#domain/relay-feed/cloudflare.ts';
import { readSesEvent } from '#domain/relay-feed/ses.ts';
import type { KeptReturned } from '../store/returned-mails.ts';
import { readMail } from './read-mail.ts';

/** Reads again what came back: a mail, or the event of a relay. */
export function readKept({ raw, mailFrom }: KeptReturned): Returned {
  return readEvent(raw) ?? readMail(raw, mailFrom);
}

const openingBrace = 0x7b;

/** Null: it is no event, but a mail. */
function readEvent(raw: Uint8Array): Returned | null {
  if (raw[0] !== openingBrace) return null;
  const text = new TextDecoder().decode(raw);
  const ses = readSesEvent(text);
  if (ses) return ses.reading;
  try {
    const event = cloudflareEvent.safeParse(JSON.parse(text));
    return event.success ? readCloudflareEvent(event.data).reading : null;
  } catch {
    return null;
  }
}
