import type { z } from 'zod';
import {
  type MailSettings,
  mailSettings,
  mailSettingsChange,
  type mailSettingsView,
} from '#domain/mail-settings.ts';
import { Problem } from '#domain/problem.ts';
import { setMailSettings } from '../store/accounts.ts';
import { invalidBody, newApp } from './app.ts';
import { needs } from './authenticated.ts';
import { readJson } from './request-body.ts';

/** `GET`, `PATCH /v1/settings`: what the account has decided for its mail. */
export const settingsApp = newApp();

settingsApp.get('/settings', needs('read'), (c) => c.json(viewOf(c.get('credential').mail)));

settingsApp.patch('/settings', needs('manage'), async (c) => {
  const change = mailSettingsChange.safeParse((await readJson(c)).value);
  if (!change.success) throw invalidBody(change.error.issues);
  const values = Object.fromEntries(
    mailSettings.flatMap(({ name, property }) => {
      const value = change.data[name];
      return value === undefined ? [] : [[property, value]];
    }),
  );
  const account = await setMailSettings(c.get('store'), c.get('credential').accountId, values);
  if (!account) throw new Problem('not_found', 'The account is gone.');
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
