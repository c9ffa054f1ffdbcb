/** What is done with mail to an address. `by` names the rule, as people see it. */
export type Decision =
  | { action: 'webhook'; endpoints: readonly string[]; by: string }
  /** `address`: whose mail it is. `left`: whom nothing is sent to, and why. `endpoints` are told besides; none: nobody. */
  | {
      action: 'forward';
      address: string;
      /** Null: a rule says so. */
      alias: number | null;
      /** Those who get it see a reply address in place of its author's. */
      masked: boolean;
      to: readonly string[];
      left: readonly string[];
      endpoints: readonly string[];
      by: string;
    }
  /** The owner of a masked alias answers somebody: it goes out from the alias. */
  | {
      action: 'answer';
      /** The reply address that it came to. */
      address: string;
      alias: number;
      /** The alias's own address. */
      from: string;
      /** Whom the reply address stands for. */
      to: string;
      /** Who may answer (`answer-right.ts`). */
      owners: readonly string[];
      /** All addresses behind the alias: none of them may be seen. */
      hidden: readonly string[];
      by: string;
    }
  | { action: 'drop'; by: string }
  /** It is kept, and nobody is told: `postmaster@` and `abuse@` without a rule. */
  | { action: 'keep'; by: string }
  /** @param reply e.g. `550 5.1.1` */
  | { action: 'refuse'; reply: string; text: string; by: string | null };
