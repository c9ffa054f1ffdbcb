import {
  contentDays,
  type MailSettings,
  mailSettings,
  mailSettingsView,
} from '#domain/message/mail-settings.ts';
import { callApi, numberTyped } from '../../api/own-api.ts';
import { may } from '../../identity/viewer.ts';
import { Card } from '../../pages/blocks.tsx';
import { YesNo } from '../../pages/boxes.tsx';
import { Field, Fields } from '../../pages/forms.tsx';
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
              <YesNo {...{ name, label, about }} checked={settings[property]} />
            ))}
          </fieldset>
          <Field
            label={days.label}
            name={days.name}
            type="number"
            min={contentDays.least}
            max={contentDays.most}
            value={String(settings.contentDays)}
            hint={days.about}
          />
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
  const body = { ...ticked, [days.name]: numberTyped(form.text(days.name)) };
  await callApi(c, viewer.account.accountId, { method: 'PATCH', path: '/settings', body }, mailSettingsView);
  return c.redirect('/settings?done=mail-changed#mail', 303);
});
