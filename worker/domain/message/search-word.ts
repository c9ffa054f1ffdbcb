/**
 * What exact searches find messages and events by (`store/search-words.ts`): a recipient, a Message-ID, a tag, a
 * stream that is not the default one, the kind of an event. Of each a short hash is kept; one that is equal for two texts costs a look at some more rows, and no more.
 */
export type SearchWord =
  | { of: 'recipient'; address: string }
  | { of: 'messageId'; header: string }
  | { of: 'tag'; tag: string }
  | { of: 'stream'; stream: string }
  | { of: 'kind'; kind: string };

export const wordLength = 7;

/** In the words of a page: those of streams are among them for all of its rows, which they were not always. */
export const streamsKnown = hash('s');

/** Always `wordLength` characters of base 36. Addresses are found in whatever case, Message-IDs with or without `<>`. */
export function hashOf(word: SearchWord): string {
  switch (word.of) {
    case 'recipient':
      return hash(`r ${word.address.toLowerCase()}`);
    case 'messageId':
      return hash(`m ${word.header.replace(/^<|>$/g, '')}`);
    case 'tag':
      return hash(`t ${word.tag}`);
    case 'stream':
      return hash(`s ${word.stream}`);
    case 'kind':
      return hash(`k ${word.kind}`);
  }
}

/** FNV-1a, 32 bits; it guards nothing. */
function hash(text: string): string {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  return (value >>> 0).toString(36).padStart(wordLength, '0');
}
