import { unbase64 } from '../base64.ts';
import { withoutMailboxLine } from '../message/clean-header.ts';
import { type HeaderField, type SplitMessage, splitMessage } from '../message/header.ts';
import { boundaryOf, mediaTypeOf, piecesOf } from '../message/multipart.ts';
import { decodeQuoted, encodeBase64, encodeQuoted, octetsText } from './transfer-encoding.ts';

/**
 * Changes the text of a message wherever it is written: in every part that is text, whatever its transfer encoding, in
 * messages inside of it, and in the header fields of parts. What is no text stays byte for byte. Text is latin1, a
 * character for each octet, so that it works for every charset that writes ASCII as ASCII.
 */

const mostDepth = 24;
const mostParts = 1000;
/** Of text, decoded: it is held several times over while it is changed. */
const mostTextOctets = 6 * 1024 * 1024;

/** What is done to text, and to a header field as it is written, line ends included. */
export interface Changes {
  text(text: string): string;
  field(field: HeaderField): string;
}

/** A message that cannot be read as surely as a mail program reads it, and why. */
export class Unreadable extends Error {}

/**
 * @param body of an entity (RFC 2045 §2.4) with these fields; latin1 with CRLF line ends
 * @throws Unreadable when there may be text that is not found: then nothing may be sent on
 */
export function changeBody(fields: SplitMessage['fields'], body: string, change: Changes): string {
  return new Rewriting(change).body(fields, body, 0);
}

const sealed = /^application\/(?:x-)?(?:pkcs7-mime|pgp-encrypted)$/;
const telling = /^application\/(?:(?:x-)?pkcs7-signature|pgp-signature|pgp-keys|ms-tnef|vnd\.ms-tnef)$/;

class Rewriting {
  readonly #change: Changes;
  #parts = 0;
  #textOctets = 0;

  constructor(change: Changes) {
    this.#change = change;
  }

  body(fields: SplitMessage['fields'], body: string, depth: number): string {
    this.#parts += 1;
    if (depth > mostDepth || this.#parts > mostParts) throw new Unreadable('it has too many parts');
    const type = fieldValue(fields, 'content-type');
    const media = mediaTypeOf(type);
    const encoding = fieldValue(fields, 'content-transfer-encoding').toLowerCase();
    if (media.startsWith('multipart/')) return this.#multipart(this.#boundary(type), body, depth);
    if (/^message\/(?:rfc822|global|news)$/.test(media)) {
      if (/base64|quoted-printable/.test(encoding)) throw new Unreadable('a message inside of it is encoded');
      return this.#entity(body, depth + 1);
    }
    if (sealed.test(media)) throw new Unreadable('it is signed or encrypted as a whole');
    // It verifies nothing any more, or is another writing of the same text; both name their writer.
    if (telling.test(media)) return '';
    return /^(?:text|message)\//.test(media) ? this.#text(body, encoding, type) : body;
  }

  #boundary(type: string): string {
    const boundary = boundaryOf(type);
    if (boundary === null) throw new Unreadable('it has parts without a boundary');
    if (this.#change.text(boundary) !== boundary) throw new Unreadable('its boundary has an address');
    return boundary;
  }

  #multipart(boundary: string, body: string, depth: number): string {
    const pieces = piecesOf(body, boundary).map(({ isPart, from, to, end }) => {
      const piece = body.slice(from, to);
      const changed = isPart ? this.#entity(piece, depth + 1) : this.#text(piece, '', '');
      return changed + body.slice(to, end);
    });
    return pieces.join('');
  }

  #entity(text: string, depth: number): string {
    const split = splitMessage(withoutMailboxLine(text));
    if (typeof split === 'string') throw new Unreadable(split);
    const { fields, rest } = split;
    const body = rest.startsWith('\r\n') ? rest.slice(2) : rest;
    const head = fields.map((field) => this.#change.field(field)).join('');
    return head + rest.slice(0, rest.length - body.length) + this.body(fields, body, depth);
  }

  #text(body: string, encoding: string, type: string): string {
    this.#textOctets += body.length;
    if (this.#textOctets > mostTextOctets) throw new Unreadable('it has too much text to be masked');
    if (/charset\s*=\s*"?(?:utf-?(?:16|32|7)|ucs)/i.test(type)) {
      throw new Unreadable('its charset is not one of mail');
    }
    if (encoding.includes('base64')) {
      const decoded = octetsText(unbase64(body));
      const changed = this.#change.text(decoded);
      return changed === decoded ? body : encodeBase64(changed);
    }
    if (encoding.includes('quoted-printable')) {
      const decoded = decodeQuoted(body);
      const changed = this.#change.text(decoded);
      return changed === decoded ? body : encodeQuoted(changed);
    }
    return this.#change.text(body);
  }
}

function fieldValue(fields: SplitMessage['fields'], name: string): string {
  return fields.find((field) => field.name.toLowerCase() === name)?.value ?? '';
}
