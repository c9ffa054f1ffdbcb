/**
 * What a credential may do: one table, used by the API, the operator calls and the documentation. What only owners may
 * change on pages has a scope of its own, which only they can give: a key is no way around a role.
 */
export const scopes = [
  { name: 'send', about: 'submit and cancel mail, by API and SMTP' },
  { name: 'read', about: 'read messages, events and settings' },
  { name: 'manage', about: 'change domains, webhooks and suppressions' },
  {
    name: 'account',
    about: 'change what holds for the whole account, read its audit log; owners make such keys',
  },
] as const;

export type Scope = (typeof scopes)[number]['name'];
export const scopeNames = ['send', 'read', 'manage', 'account'] as const satisfies readonly Scope[];
