import { Hono } from 'hono';
import type { App } from '../api/app.ts';
import { accountSettingsPages } from './account-settings.tsx';
import { serveAsset } from './assets.ts';
import type { Board } from './board.tsx';
import { domainPages } from './domain.tsx';
import { domainsPages } from './domains.tsx';
import { eventPages } from './events.tsx';
import { messagePages } from './message.tsx';
import { messagesPages } from './messages.tsx';
import { operatorPages } from './operator.tsx';
import { overviewPages } from './overview.tsx';
import { passkeyPages } from './passkeys.tsx';
import { profilePages } from './profile.tsx';
import { sendingPages } from './sending.tsx';
import { setUpPages } from './set-up.tsx';
import { settingsPages } from './settings.tsx';
import { signInPages } from './sign-in.tsx';
import { statisticsPages } from './statistics.tsx';
import { suppressionPages } from './suppressions.tsx';
import { webhookPages } from './webhook.tsx';
import { webhookDeliveryPages } from './webhook-delivery.tsx';
import { webhooksPages } from './webhooks.tsx';

const boards: Board[] = [
  setUpPages,
  signInPages,
  overviewPages,
  messagesPages,
  messagePages,
  sendingPages,
  domainsPages,
  domainPages,
  suppressionPages,
  webhooksPages,
  webhookPages,
  webhookDeliveryPages,
  statisticsPages,
  eventPages,
  settingsPages,
  accountSettingsPages,
  profilePages,
  passkeyPages,
  operatorPages,
];

/** The dashboard, at `/`. */
export const dashboardApp = new Hono<App>();
dashboardApp.get('/assets/:version/:name', (c) => serveAsset(c.req.path) ?? c.notFound());
for (const { app } of boards) dashboardApp.route('/', app);

/** Every route that changes something for those who are signed in, with the role that it needs. */
export const dashboardActions = boards.flatMap(({ actions }) => actions);
