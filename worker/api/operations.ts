import { aliases } from './operations/aliases.ts';
import { audit } from './operations/audit.ts';
import { cloudmailin } from './operations/cloudmailin.ts';
import { credentials } from './operations/credentials.ts';
import { domains } from './operations/domains.ts';
import { events } from './operations/events.ts';
import { messages } from './operations/messages.ts';
import type { OperationGroup } from './operations/operation.ts';
import { receiving } from './operations/receiving.ts';
import { sending } from './operations/sending.ts';
import { settings } from './operations/settings.ts';
import { suppressions } from './operations/suppressions.ts';
import { templates } from './operations/templates.ts';
import { webhooks } from './operations/webhooks.ts';

/** The operations of the public API by what they are about, in their order. */
export const groups: readonly OperationGroup[] = [
  sending,
  templates,
  messages,
  events,
  webhooks,
  suppressions,
  domains,
  receiving,
  aliases,
  settings,
  credentials,
  audit,
  cloudmailin,
];

export const operations = groups.flatMap((group) => group.operations);
