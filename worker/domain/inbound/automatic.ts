import { isAutoReply } from '../bounce/auto-reply.ts';
import type { HeaderField } from './received.ts';

/**
 * True when no person wrote this mail to its recipient alone, so that nothing should answer it by itself: an automatic
 * message or a report (RFC 3834 §5, RFC 6522), one of a list (RFC 2369, RFC 2919), or bulk by its Precedence.
 * @param envelopeFrom empty: the null sender, to whom nothing may be answered (RFC 5321 §4.5.5)
 */
export function isAutomatic(headers: readonly HeaderField[], envelopeFrom: string): boolean {
  const fields = headers.map(({ name, value }) => ({ name: name.toLowerCase(), value }));
  return (
    envelopeFrom === '' ||
    isAutoReply(fields) ||
    fields.some(({ name, value }) => {
      if (name === 'precedence') return /^\s*(?:bulk|list|junk)\b/i.test(value);
      if (name === 'content-type') return /^\s*multipart\/report\b/i.test(value);
      return name.startsWith('list-') && value.trim() !== '';
    })
  );
}
