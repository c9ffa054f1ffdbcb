import {
  contentDays,
  type MailSettings,
  mailSettings,
  mailSettingsView,
} from '#domain/message/mail-settings.ts';
import { callApi } from '../../api/own-api.ts';
import { may } from '../../identity/viewer.ts';
import { Card, Fields } from '../../pages/blocks.tsx';
import type { Viewer } from '../../store/auth.ts';
import { Board } from '../board.tsx';

/** What the account has decided for its mail: a card of the settings page, and what changes it. */
export const accountSettingsPages = new Board();

export function MailOfAccount({ settings, viewer }: { settings: MailSettings; viewer: Viewer }) {
  return (
    <Card id="mail" title="Mail of this account">
      <p class="quiet">
        For messages from now on; one sent by the API can ask for something else. Opens, clicks and the way to
        unsubscribe need a message with one recipient. Whole messages (SMTP and <code>/v1/send/raw</code>) are
        kept byte for byte: nothing is put into them.
      </p>
      {may(viewer, 'owner') ? (
        <Fields action="/settings/mail" submit="Save" plain>
          <fieldset>
            <legend class="visually-hidden">What a message tells back</legend>
            {choices.map(({ name, property, label, about }) => (
              <label>
                <input type="checkbox" name={name} value="true" checked={settings[property]} />
                <span>
                  <strong>{label}</strong> <span class="quiet">{about}</span>
                </span>
              </label>
            ))}
          </fieldset>
          <div class="field">
            <label for={days.name}>{days.label}</label>
            <input
              id={days.name}
              name={days.name}
              type="number"
              min={contentDays.least}
              max={contentDays.most}
              value={settings.contentDays}
              required
              aria-describedby={`${days.name}-hint`}
            />
            <span class="hint" id={`${days.name}-hint`}>
              {days.about}
            </span>
          </div>
        </Fields>
      ) : (
        <dl class="facts">
          {choices.map(({ property, label }) => (
            <>
              <dt>{label}</dt>
              <dd>{settings[property] ? 'on' : 'off'}</dd>
            </>
          ))}
          <dt>{days.label}</dt>
          <dd>{settings.contentDays}</dd>
        </dl>
      )}
    </Card>
  );
}

const [opens, clicks, unsubscribe, days] = mailSettings;
const choices = [opens, clicks, unsubscribe];

accountSettingsPages.action('/settings/mail', async (c, viewer, form) => {
  // A box that is not ticked is not sent.
  const ticked = Object.fromEntries(choices.map(({ name }) => [name, form.text(name) === 'true']));
  const body = { ...ticked, [days.name]: Number(form.text(days.name)) };
  await callApi(c, viewer.account.accountId, { method: 'PATCH', path: '/settings', body }, mailSettingsView);
  return c.redirect('/settings?done=mail-changed#mail', 303);
});
