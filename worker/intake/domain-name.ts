import { z } from 'zod';
import { domainFault } from '#domain/message/address.ts';
import { trimHidden } from '#domain/message/hidden-character.ts';
import { asciiDomain } from './recipient.ts';

/**
 * A domain name as people paste it, in lower-case A-labels; the dot of the root is left out.
 * @returns the name, or a sentence that says what is wrong
 */
export function readDomainName(text: string): { name: string } | string {
  const given = trimHidden(text).toLowerCase().normalize('NFC').replace(/\.$/, '');
  const wanted = 'must be a domain name such as example.com';
  if (given === '') return wanted;
  const name = asciiDomain(given);
  // Of what was given first: what A-labels hide is named there.
  const fault = domainFault(given) ?? domainFault(name);
  return fault === null ? { name } : `${wanted}: it ${fault}`;
}

/** A field that is a domain name; `words` are what it may be instead, each with what it is read as. */
export const domainNameOr = (words: Readonly<Record<string, string>>) =>
  z
    .string()
    .max(253)
    .transform((text, context): string => {
      if (Object.hasOwn(words, text)) return words[text] ?? '';
      const read = readDomainName(text);
      if (typeof read !== 'string') return read.name;
      context.addIssue({ code: 'custom', message: read });
      return z.NEVER;
    });
export const domainName = domainNameOr({});
