import type { Problem } from '#domain/problem.ts';

/** What somebody typed into a form: trimmed texts by the field's name; a missing one is ''. */
export interface Typed {
  text(name: string): string;
  all(name: string): string[];
}

/** A form that was posted and not taken, for the page that it stands on. */
export interface RefusedForm {
  /** The path that it was posted to. */
  path: string;
  problem: Problem;
  typed: Typed;
  /** Set by the page once it has said so. */
  told: boolean;
}
