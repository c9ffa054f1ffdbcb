import { uuidOfNumber } from '../number-id.ts';

/** A template and version that a message was made of, as its row keeps it: `12:3`. */
export interface UsedTemplate {
  id: number;
  version: number;
}

export function usedTemplateText({ id, version }: UsedTemplate): string {
  return `${id}:${version}`;
}

/** As the API tells of it. */
export function templateView({ id, version }: UsedTemplate) {
  return { id: uuidOfNumber('template', id), version };
}

/** The template of a message's row; null: it was made without one. */
export function usedTemplateOf(text: unknown): UsedTemplate | null {
  const [, id, version] = /^(\d{1,15}):(\d{1,9})$/.exec(typeof text === 'string' ? text : '') ?? [];
  return id === undefined ? null : { id: Number(id), version: Number(version) };
}
