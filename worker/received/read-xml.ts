import { Parser } from 'htmlparser2';
import type { XmlElement } from '#domain/reports/aggregate-report.ts';

/** An isolate has 128 MB for all that it does: so many elements are some 30 MB of it, and about 10,000 records. */
export const xmlBounds = { depth: 16, elements: 200_000, text: 1000 } as const;

class Beyond extends Error {}

/**
 * Reads XML as a tree of elements; attributes, comments and processing instructions are left out, and prefixes of names.
 * Entities that a document declares are not expanded: it has none (no DOCTYPE is taken).
 * @returns the root element, or a sentence that says what is wrong
 */
export function readXml(text: string): XmlElement | string {
  if (/<!(?:DOCTYPE|ENTITY)/i.test(text)) return 'the XML has a DOCTYPE, which a report has not';
  const top: XmlElement = { name: '', text: '', children: [] };
  const open = [top];
  let elements = 0;
  const parser = new Parser(
    {
      onopentagname(name) {
        elements += 1;
        if (open.length > xmlBounds.depth)
          throw new Beyond(`the XML is nested deeper than ${xmlBounds.depth}`);
        if (elements > xmlBounds.elements)
          throw new Beyond(`the XML has more than ${xmlBounds.elements} elements`);
        const element = { name: name.slice(name.indexOf(':') + 1).toLowerCase(), text: '', children: [] };
        open.at(-1)?.children.push(element);
        open.push(element);
      },
      ontext(piece) {
        const element = open.at(-1);
        if (element && element.text.length < xmlBounds.text) element.text += piece.slice(0, xmlBounds.text);
      },
      onclosetag() {
        open.pop();
      },
    },
    { xmlMode: true, decodeEntities: true },
  );
  try {
    parser.write(text);
    parser.end();
  } catch (error) {
    if (error instanceof Beyond) return error.message;
    throw error;
  }
  return top.children[0] ?? 'it is not XML';
}
