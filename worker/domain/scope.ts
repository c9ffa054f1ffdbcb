/** What a credential may do: one table, used by the API, the operator calls and the documentation. */
export const scopes = [
  { name: 'send', about: 'submit and cancel mail, by API and SMTP' },
  { name: 'read', about: 'read messages, events and settings' },
  { name: 'manage', about: 'change domains, webhooks, suppressions and keys' },
] as const;

export type Scope = (typeof scopes)[number]['name'];
export const scopeNames = ['send', 'read', 'manage'] as const satisfies readonly Scope[];
