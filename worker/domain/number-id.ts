const kinds = { domain: 1, suppression: 2, template: 3 } as const;

/** What has a number here and a UUID in other services' APIs. */
export type NumberedKind = keyof typeof kinds;

/** A number as a UUID of version 8 (RFC 9562 §5.8): what kind of thing it is of stands in front, the number at the end. */
export function uuidOfNumber(kind: NumberedKind, number: number): string {
  const hex = (value: number, length: number) => value.toString(16).padStart(length, '0');
  return `${hex(kinds[kind], 8)}-0000-8000-8000-${hex(number, 12)}`;
}

/** The number of such a UUID; null when it is none of this kind. */
export function numberOfUuid(kind: NumberedKind, text: string): number | null {
  const number = Number.parseInt(text.slice(-12), 16);
  return text.length === 36 && uuidOfNumber(kind, number) === text.toLowerCase() ? number : null;
}
