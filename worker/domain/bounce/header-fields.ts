import type { HeaderField } from './returned-mail.ts';

const maxFields = 400;
const maxValueLength = 8192;
const fieldPattern = /^([!-9;-~]{1,76})[ \t]{0,4}:(.*)$/;

/**
 * Reads header fields (RFC 5322 §2.2) from the beginning of a text up to the first empty line. Lines that are
 * no field are passed over: gateways break them. Bounded, never throws.
 */
export function headerFields(text: string): HeaderField[] {
  const begun = text.slice(0, 65_536).trimStart();
  const end = /\r?\n\r?\n/.exec(begun)?.index ?? begun.length;
  return fieldsOf(begun.slice(0, end).split(/\r?\n/));
}

/** Reads the groups of fields of a report (RFC 3464 §2.1): fields between empty lines. */
export function fieldGroups(text: string): HeaderField[][] {
  const groups: string[][] = [[]];
  for (const line of text.slice(0, 262_144).split(/\r?\n/)) {
    if (line.trim() === '') groups.push([]);
    else groups.at(-1)?.push(line);
  }
  return groups.map((lines) => fieldsOf(lines)).filter((group) => group.length > 0);
}

function fieldsOf(lines: readonly string[]): HeaderField[] {
  const fields: HeaderField[] = [];
  for (const line of lines) {
    const last = fields.at(-1);
    if (last && /^[ \t]/.test(line)) {
      if (last.value.length < maxValueLength) last.value += ` ${line.trim()}`;
      continue;
    }
    const match = fieldPattern.exec(line);
    if (match?.[1] && fields.length < maxFields) {
      fields.push({ name: match[1].toLowerCase(), value: (match[2] ?? '').trim() });
    }
  }
  return fields;
}
