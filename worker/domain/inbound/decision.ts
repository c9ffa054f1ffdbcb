/** What is done with mail to an address. `by` names the rule, as people see it. */
export type Decision =
  | { action: 'webhook'; endpoints: readonly string[]; by: string }
  /** `address`: whose mail it is. `left`: whom nothing is sent to, and why. `endpoints` are told besides; none: nobody. */
  | {
      action: 'forward';
      address: string;
      /** Null: a rule says so. */
      alias: number | null;
      to: readonly string[];
      left: readonly string[];
      endpoints: readonly string[];
      by: string;
    }
  | { action: 'drop'; by: string }
  /** It is kept, and nobody is told: `postmaster@` and `abuse@` without a rule. */
  | { action: 'keep'; by: string }
  /** @param reply e.g. `550 5.1.1` */
  | { action: 'refuse'; reply: string; text: string; by: string | null };
