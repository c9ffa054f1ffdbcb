/** What an operation is tried with, as the reference shows it. */
export interface OperationExample {
  /** Values of the varying parts of the path. */
  path?: Record<string, string>;
  query?: Record<string, string>;
  /** JSON, or the text of what is no JSON. */
  body?: unknown;
  /** What the file with that text is called. */
  file?: string;
  /** Fields of the answer, by name, whose values the schema alone does not tell. */
  told?: Record<string, unknown>;
}

/** Ids that stand in examples; whoever runs one puts their own there. */
export const exampleIds = {
  email: '01a1fbb4-5a10-7c3e-8f00-9d2f6f1c2b3a',
  webhook: '01a1fbd1-0b52-7e61-b2a4-6a1f0c9d8e77',
  delivery: 'msg_01a1fbd1-7f26-7d8c-9a51-3f0c6f2f4d10',
  received: '01a1fbe0-4c1d-7a90-8d3e-5b7a2f60c100',
  route: '12',
  alias: '34',
  rule: '56',
} as const;

const message = {
  from: 'Shop <shop@example.com>',
  to: ['you@example.net'],
  subject: 'Your receipt',
  text_body: 'Thank you.',
  html_body: '<p>Thank you.</p>',
};
const email = { path: { id: exampleIds.email } };
const webhook = { path: { id: exampleIds.webhook }, told: { id: exampleIds.webhook } };
const delivery = { path: { id: exampleIds.delivery }, told: { id: exampleIds.delivery } };
const received = { path: { id: exampleIds.received } };
const links = {
  link_host: {
    name: 'links.example.com',
    state: 'active',
    fault: null,
    checked_at: '2026-11-26T09:30:02.000Z',
  },
};
const domain = { path: { id: 'news.example.com' }, told: links };
const receiving = { path: { id: 'in.example.com' } };
const alias = {
  path: { id: exampleIds.alias },
  told: {
    id: Number(exampleIds.alias),
    domain: 'alias.example.com',
    address: 'shop@alias.example.com',
    forward_to: ['you@example.net'],
    description: 'the shop',
    is_masked: true,
    masked_description: 'the shop',
    webhook: null,
    state: 'verified',
  },
};
const newAlias = {
  address: 'shop',
  forward_to: ['you@example.net'],
  description: 'the shop',
  is_masked: true,
};
const template = {
  path: { id: 'receipt' },
  told: {
    id: '00000003-0000-8000-8000-000000000001',
    slug: 'receipt',
    name: 'Receipt',
    description: '',
    version: 1,
    published_version: 1,
    has_draft: false,
    status: 'published',
    active: true,
    layout: null,
    from: null,
    reply_to: [],
    names: ['name', 'total'],
  },
};
const receipt = {
  name: 'Receipt',
  slug: 'receipt',
  subject: 'Your receipt, {{name}}',
  html_body: '<p>Dear {{name}}, you paid {{total}}.</p>',
  variables: [{ name: 'total', type: 'string', default: '0.00' }],
};
const rule = { path: { ...receiving.path, rule: exampleIds.rule } };
const refused = { action: 'refuse', text: 'Nobody reads this address.' };
const route = { path: { ...receiving.path, route: exampleIds.route } };

/** One for each operation, by its id; the schemas check them, and a test runs them. */
export const examples: Readonly<Record<string, OperationExample>> = {
  send: {
    body: { ...message, class: 'priority', tags: ['receipt'], metadata: { order: '4711' } },
  },
  sendBatch: {
    body: [message, { ...message, to: ['somebody@example.net'], subject: 'Your other receipt' }],
  },
  sendRaw: {
    query: { mail_from: 'shop@example.com', rcpt_to: 'you@example.net' },
    file: 'message.eml',
    body: 'From: Shop <shop@example.com>\r\nTo: you@example.net\r\nSubject: Your receipt\r\n\r\nThank you.\r\n',
  },
  listTemplates: { query: { limit: '20' }, told: template.told },
  createTemplate: { body: receipt, told: template.told },
  getTemplate: template,
  changeTemplate: { ...template, body: { subject: 'Thank you, {{name}}' } },
  deleteTemplate: template,
  listTemplateVersions: { ...template, told: { ...template.told, status: 'published' } },
  publishTemplate: template,
  publishTemplateVersion: { ...template, path: { ...template.path, version: '1' } },
  renderTemplate: { ...template, body: { variables: { name: 'Ann' } } },
  testTemplate: {
    path: template.path,
    body: { from: 'shop@example.com', to: ['you@example.net'], variables: { name: 'Ann' } },
  },
  listEmails: { query: { status: 'delivered', limit: '20' } },
  getEmail: email,
  getEmailEvents: email,
  rescheduleEmail: {
    ...email,
    // A time that is over, so that it works whenever it is tried: it sends it now.
    body: { send_at: '2026-11-27T09:30:00Z' },
    told: { status: 'scheduled', attempts: 0, node: null },
  },
  cancelEmail: { ...email, told: { status: 'canceled', attempts: 0, node: null } },
  listRequests: {
    query: { limit: '20' },
    told: {
      status: 403,
      way: 'api',
      code: 'domain_not_allowed',
      detail: 'The domain other.example is not one of the account.',
      left_out: 0,
    },
  },
  listEvents: { query: { limit: '100' } },
  getStats: { query: { by: 'domain' } },
  createWebhook: {
    told: webhook.told,
    body: { url: 'https://hooks.example.com/mail', events: ['email.bounced', 'email.complained'] },
  },
  listWebhooks: { told: webhook.told },
  getWebhook: webhook,
  changeWebhook: { ...webhook, body: { events: ['email.delivered', 'email.bounced'] } },
  deleteWebhook: webhook,
  testWebhook: webhook,
  rotateWebhookSecret: webhook,
  replayWebhook: { ...webhook, body: { delivery_id: exampleIds.delivery } },
  listWebhookDeliveries: { told: delivery.told, query: { endpoint: exampleIds.webhook, limit: '20' } },
  getWebhookDelivery: delivery,
  replayWebhookDelivery: delivery,
  listSuppressions: { query: { reason: 'complaint', limit: '20' } },
  checkSuppression: { query: { email: 'you@example.net' } },
  createSuppression: { body: { email: 'gone@example.net', reason: 'manual', note: 'asked by phone' } },
  deleteSuppression: { path: { email: 'gone@example.net' } },
  importSuppressions: {
    query: { commit: 'false' },
    file: 'export.csv',
    body: 'email,reason,scope\r\nold@example.net,manual,account\r\n',
  },
  exportSuppressions: {},
  createDomain: { body: { domain: 'mail.example.com', type: 'outbound' }, told: links },
  listDomains: { query: { limit: '20' }, told: links },
  getDomain: domain,
  changeDomain: { ...domain, body: { return_path_label: 'bounces' } },
  deleteDomain: domain,
  verifyDomain: domain,
  getDomainDns: domain,
  getDomainDkim: domain,
  importDomainDkim: {
    path: { id: 'example.com' },
    body: {
      selector: 's1',
      private_key:
        '-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE KEY-----\n',
    },
  },
  rotateDomainDkim: { path: { id: 'example.com' } },
  retireDomainDkim: { path: { ...domain.path, selector: 'pennypost' } },
  getWarming: { path: { id: 'example.com' } },
  listInboundEmails: { query: { to: 'info@in.example.com', limit: '20' } },
  getInboundEmail: received,
  getInboundEmailRaw: received,
  downloadInboundAttachment: { path: { ...received.path, attachment: '0' } },
  replayInboundEmail: received,
  replyInboundEmail: {
    ...received,
    body: { from: 'shop@example.com', text_body: 'Thank you, it is on its way.' },
  },
  listRoutes: receiving,
  createRoute: { ...receiving, body: { pattern: 'support+*', action: 'webhook' }, told: { text: '' } },
  changeRoute: { ...route, body: refused, told: { ...refused, targets: [] } },
  deleteRoute: route,
  testRoute: { ...receiving, body: { to: 'info@in.example.com' } },
  getDmarcReports: { path: { id: 'example.com' } },
  getTlsReports: { path: { id: 'example.com' } },
  listRules: receiving,
  createRule: {
    ...receiving,
    body: {
      name: 'no invoices',
      conditions: [{ field: 'subject', comparator: 'contains', value: 'invoice' }],
      action: 'refuse',
      text: 'Invoices go to another address.',
    },
  },
  changeRule: { ...rule, body: { action: 'drop' }, told: { action: 'drop', text: '', targets: [] } },
  deleteRule: rule,
  cloudmailinMessage: { path: { username: 'pennypost', id: exampleIds.email } },
  cloudmailinAddresses: { path: { username: 'pennypost' } },
  cloudmailinIncomingStatuses: { path: { username: 'pennypost' } },
  cloudmailinOutboundMessages: { path: { username: 'pennypost' } },
  listAliases: { query: { q: 'shop', limit: '20' }, told: alias.told },
  createAlias: { body: { domain: 'alias.example.com', ...newAlias }, told: alias.told },
  getAlias: alias,
  changeAlias: { ...alias, body: { active: false }, told: { ...alias.told, active: false } },
  deleteAlias: alias,
  askDestinations: alias,
  listSharedAliases: { query: { q: 'shop', limit: '20' }, told: alias.told },
  createSharedAlias: { body: newAlias, told: alias.told },
  getSharedAlias: alias,
  changeSharedAlias: { ...alias, body: { active: false }, told: { ...alias.told, active: false } },
  deleteSharedAlias: alias,
  getSettings: {},
  changeSettings: { body: { track_opens: true }, told: { track_opens: true } },
  getCredential: {},
  listAuditEntries: { query: { limit: '20' } },
  cloudmailinSend: {
    path: { username: 'pennypost' },
    body: {
      from: 'shop@example.com',
      to: 'you@example.net',
      subject: 'Your receipt',
      plain: 'Thank you.',
    },
  },
};
