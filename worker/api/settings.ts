import type { z } from 'zod';
import {
  type MailSettings,
  mailSettings,
  mailSettingsChange,
  type mailSettingsView,
} from '#domain/message/mail-settings.ts';
import { Problem } from '#domain/problem.ts';
import { newApp } from '../http/app.ts';
import { readBody } from '../http/request-body.ts';
import { noted } from '../identity/audit.ts';
import { setMailSettings } from '../store/accounts.ts';

/** `GET`, `PATCH /v1/settings`: what the account has decided for its mail. */
export const settingsApp = newApp();

settingsApp.get('/settings', (c) => c.json(viewOf(c.get('credential').mail)));

settingsApp.patch('/settings', async (c) => {
  const change = await readBody(c, mailSettingsChange);
  const values = Object.fromEntries(
    mailSettings.flatMap(({ name, property }) => {
      const value = change[name];
      return value === undefined ? [] : [[property, value]];
    }),
  );
  const account = await setMailSettings(c.get('store'), c.get('credential').accountId, values);
  if (!account) throw new Problem('not_found', 'The account is gone.');
  noted(c, Object.fromEntries(Object.entries(change).map(([name, value]) => [name, String(value)])));
  return c.json(viewOf(account));
});

function viewOf(settings: MailSettings): z.output<typeof mailSettingsView> {
  return {
    track_opens: settings.trackOpens,
    track_clicks: settings.trackClicks,
    unsubscribe: settings.unsubscribe,
    content_days: settings.contentDays,
  };
}
