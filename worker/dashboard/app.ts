import { Hono } from 'hono';
import type { App } from '../http/app.ts';
import { serveAsset } from '../pages/assets.ts';
import type { Board } from './board.tsx';
import { dkimPages } from './domains/dkim.tsx';
import { dmarcPages } from './domains/dmarc.tsx';
import { domainPages } from './domains/domain.tsx';
import { domainsPages } from './domains/domains.tsx';
import { linkHostPages } from './domains/link-host.tsx';
import { eventPages } from './messages/events.tsx';
import { messagePages } from './messages/message.tsx';
import { messagesPages } from './messages/messages.tsx';
import { recipientDomainPages } from './messages/recipient-domain.tsx';
import { returnedPages } from './messages/returned.tsx';
import { overviewPages } from './overview/overview.tsx';
import { statisticsPages } from './overview/statistics.tsx';
import { aliasPages } from './received/aliases.tsx';
import { receivedListPages } from './received/received.tsx';
import { receivedMailPages } from './received/received-mail.tsx';
import { receivedReplyPages } from './received/reply.tsx';
import { routePages } from './received/routes.tsx';
import { rulePages } from './received/rules.tsx';
import { keyPages } from './sending/keys.tsx';
import { requestPages } from './sending/requests.tsx';
import { sendingPages } from './sending/sending.tsx';
import { testMessagePages } from './sending/test-message.tsx';
import { accountSettingsPages } from './settings/account-settings.tsx';
import { auditPages } from './settings/audit.tsx';
import { nodePages } from './settings/nodes.tsx';
import { operatorPages } from './settings/operator.tsx';
import { settingsPages } from './settings/settings.tsx';
import { transportPages } from './settings/transports.tsx';
import { invitationPages } from './sign-in/invitation.tsx';
import { passkeyPages } from './sign-in/passkeys.tsx';
import { profilePages } from './sign-in/profile.tsx';
import { setUpPages } from './sign-in/set-up.tsx';
import { signInPages } from './sign-in/sign-in.tsx';
import { suppressionPages } from './suppressions/suppressions.tsx';
import { templatePages } from './templates/template.tsx';
import { newTemplatePages } from './templates/template-new.tsx';
import { templatePreviewPages } from './templates/template-preview.tsx';
import { templateVersionPages } from './templates/template-versions.tsx';
import { templatesPages } from './templates/templates.tsx';
import { webhookPages } from './webhooks/webhook.tsx';
import { webhookDeliveryPages } from './webhooks/webhook-delivery.tsx';
import { webhooksPages } from './webhooks/webhooks.tsx';

const boards: Board[] = [
  setUpPages,
  invitationPages,
  signInPages,
  overviewPages,
  messagesPages,
  messagePages,
  returnedPages,
  recipientDomainPages,
  sendingPages,
  keyPages,
  testMessagePages,
  requestPages,
  domainsPages,
  domainPages,
  dkimPages,
  linkHostPages,
  dmarcPages,
  receivedListPages,
  receivedMailPages,
  receivedReplyPages,
  routePages,
  rulePages,
  aliasPages,
  templatesPages,
  newTemplatePages,
  templatePages,
  templatePreviewPages,
  templateVersionPages,
  suppressionPages,
  webhooksPages,
  webhookPages,
  webhookDeliveryPages,
  statisticsPages,
  eventPages,
  settingsPages,
  accountSettingsPages,
  auditPages,
  profilePages,
  passkeyPages,
  operatorPages,
  nodePages,
  transportPages,
];

/** The dashboard, at `/`. */
export const dashboardApp = new Hono<App>();
dashboardApp.get('/assets/:version/:name', (c) => serveAsset(c.req.path) ?? c.notFound());
for (const { app } of boards) dashboardApp.route('/', app);
