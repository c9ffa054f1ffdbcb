/** What became of received mails, and how they are searched for, as CloudMailin's `incoming_statuses` has it. Pure. */

/** `max_size`: larger than what is taken; such a mail is refused at the door and is in no list. */
export const statusCategories = ['successful', 'delayed', 'rejected', 'max_size'] as const;
export type StatusCategory = (typeof statusCategories)[number];

/** @param state of the webhook delivery that tells of the mail */
export function statusCategory(state: string): StatusCategory {
  if (state === 'delivered') return 'successful';
  return state === 'dead' ? 'rejected' : 'delayed';
}

const searched = ['message_id', 'to', 'from', 'status', 'status_category', 'subject'] as const;
type Searched = Record<(typeof searched)[number], string | null>;

/**
 * The test of a query such as `subject: order, status: 200`: parts with commas between them, all of which must hold; one
 * with a name is looked for in what it names, another in everything. Case is folded; time is linear in query and entry.
 */
export function statusQuery(query: string): (entry: Searched) => boolean {
  const parts = query
    .toLowerCase()
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map((part) => {
      const [, name, value] = /^([a-z_]+)\s*:\s*(.*)$/.exec(part) ?? [];
      const field = searched.find((one) => one === name);
      return field === undefined ? { fields: searched, text: part } : { fields: [field], text: value ?? '' };
    });
  return (entry) =>
    parts.every(({ fields, text }) =>
      fields.some((field) => (entry[field] ?? '').toLowerCase().includes(text)),
    );
}
