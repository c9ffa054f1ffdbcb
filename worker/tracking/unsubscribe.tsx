import { Problem } from '#domain/problem.ts';
import {
  mostChoices,
  type Preferences,
  preferenceChanges,
  preferencesOf,
  scopeWords,
} from '#domain/suppression/preferences.ts';
import { shownScope } from '#domain/suppression/scope.ts';
import { type Call, newApp } from '../http/app.ts';
import { readBytes } from '../http/request-body.ts';
import { Boxes } from '../pages/boxes.tsx';
import { withHomes } from '../store/homes-memory.ts';
import { storeOfMessage } from '../store/message-homes.ts';
import type { Store } from '../store/store.ts';
import { findSuppressions, resumeMail } from '../store/suppressions.ts';
import { findTracked, type TrackedDelivery } from '../store/tracked.ts';
import { scopeTarget, verifyLink } from '../tokens/mail-links.ts';
import { eventsCommitted } from '../webhook/poke.ts';
import { badLink, isForPeople, page, quietly, refused } from './answer.tsx';
import { unsubscribe } from './record.ts';

/** `/u/…`: where `List-Unsubscribe` leads: one click for programs; for people a page to choose what they get. */
export const unsubscribeApp = newApp();

/** What is posted by a mail program or by our own page (RFC 8058 §3.2). */
const oneClick = { name: 'List-Unsubscribe', value: 'One-Click' };
/** What our page posts to say what is wanted. */
const choosing = { name: 'preferences', value: 'save' };
/** Largest form: each choice twice, with tags in characters that take nine octets each. */
const formBytes = 64 * 1024;

/** What a good link is about. */
interface Found {
  store: Store;
  delivery: TrackedDelivery;
  /** In which it unsubscribes. */
  scope: string;
}

// RFC 8058 §3.2: programs that look at links fetch this, so it changes nothing.
unsubscribeApp.get('/u/:token', async (c) => {
  const slow = c.get('uncounted');
  if (slow) return refused(c, slow);
  const found = await foundBy(c);
  if (!found) return refused(c, new Problem('not_found', badLink));
  return await choicePage(c, found, null);
});

unsubscribeApp.post('/u/:token', async (c) => {
  const slow = c.get('uncounted');
  if (slow) return refused(c, slow);
  const found = await foundBy(c);
  if (!found) return refused(c, new Problem('not_found', badLink));
  const form = await readForm(c);
  if (form instanceof Problem) return refused(c, form);
  const { delivery, scope } = found;
  if (form.get(choosing.name) === choosing.value) {
    const written = await inItsHome(c, found, (now) => save(now, form));
    if (written instanceof Problem) return refused(c, written);
    if (written) c.executionCtx.waitUntil(eventsCommitted(c.get('env'), [delivery.accountId]));
    if (!isForPeople(c)) return c.text('Saved.\n', 200, quietly);
    return await choicePage(c, found, 'Saved');
  }
  const written = await inItsHome(c, found, ({ store }) => unsubscribe(store, delivery, scope, Date.now()));
  if (written) c.executionCtx.waitUntil(eventsCommitted(c.get('env'), [delivery.accountId]));
  if (!isForPeople(c)) return c.text(`Unsubscribed: ${saidOf(found)}\n`, 200, quietly);
  return await choicePage(c, found, 'Unsubscribed');
});

/** Writes where the account is now: it may have moved since the link was read. */
function inItsHome<T>(c: Call, found: Found, write: (found: Found) => Promise<T>): Promise<T> {
  const first = c.get('store');
  return withHomes(first, async () => {
    const store = (await storeOfMessage(first, found.delivery.messageId)) ?? found.store;
    return await write({ ...found, store });
  });
}

function saidOf({ delivery, scope }: Found): string {
  return `${delivery.recipient} gets no more ${scopeWords(scope)}.`;
}

/** @param done what was just done; null: nothing yet */
async function choicePage(c: Call, found: Found, done: 'Unsubscribed' | 'Saved' | null) {
  const { delivery, scope } = found;
  const preferences = await preferencesFor(found);
  const { search } = new URL(c.req.url);
  const action = `${c.req.path}${search}`;
  const isStopped = preferences.choices.some((choice) => choice.scope === scope && choice.stopped);
  const title = done ?? (isStopped ? 'Unsubscribed' : 'Unsubscribe');
  return page(
    c,
    title,
    <>
      <h1>{title}</h1>
      {title === 'Unsubscribed' && <p>{saidOf(found)}</p>}
      {title === 'Saved' && <p role="status">{summaryOf(delivery.recipient, preferences)}</p>}
      {title === 'Unsubscribe' && (
        <>
          <p>Press the button, and {saidOf(found)}</p>
          <form method="post" action={action} class="fields">
            <input type="hidden" name={oneClick.name} value={oneClick.value} />
            <button type="submit" class="primary">
              Unsubscribe
            </button>
          </form>
        </>
      )}
      <Choices action={action} preferences={preferences} />
    </>,
  );
}

function summaryOf(recipient: string, { choices }: Preferences): string {
  const words = choices.flatMap(({ scope, stopped }) => (stopped ? [scopeWords(scope)] : []));
  if (words.length === 0) return `${recipient} has unsubscribed from nothing.`;
  return `${recipient} gets no more ${words.join('; ')}.`;
}

function Choices({ action, preferences }: { action: string; preferences: Preferences }) {
  const { choices, heldBack } = preferences;
  return (
    <>
      <h2>What you get</h2>
      {heldBack && (
        <p class="quiet">
          Mail to this address is held back for another reason too: it could not be delivered, was reported as
          spam, or the sender has stopped it. Only the sender can change that.
        </p>
      )}
      {choices.length > 0 && (
        <form method="post" action={action} class="fields">
          <input type="hidden" name={choosing.name} value={choosing.value} />
          {choices.map(
            ({ scope, stopped }) => stopped && <input type="hidden" name="was" value={shownScope(scope)} />,
          )}
          <Boxes
            legend="Send me no more of this"
            name="stop"
            hint="Take a tick away to get that mail again."
            options={choices.map(({ scope, stopped }) => ({
              value: shownScope(scope),
              label: sentence(scopeWords(scope)),
              checked: stopped,
            }))}
          />
          <button type="submit">Save</button>
        </form>
      )}
    </>
  );
}

function sentence(words: string): string {
  return words.charAt(0).toUpperCase() + words.slice(1);
}

async function preferencesFor({ store, delivery, scope }: Found): Promise<Preferences> {
  const { accountId, recipient, signingDomain } = delivery;
  const entries = await findSuppressions(store, accountId, [recipient], Date.now());
  return preferencesOf(scope, { ...delivery, domain: signingDomain }, entries);
}

/** Changes what the form says; true when something was written. */
async function save(found: Found, form: FormData): Promise<boolean | Problem> {
  const { store, delivery } = found;
  const { choices } = await preferencesFor(found);
  const listed = (name: string) =>
    form.getAll(name).map((value) => (value === 'account' ? '' : String(value)));
  const stop = listed('stop');
  const unknown = stop.find((scope) => !choices.some((choice) => choice.scope === scope));
  if (unknown !== undefined || stop.length > mostChoices) {
    const detail = 'must be one of the choices that the page shows; load it again';
    return new Problem('invalid_body', `stop ${detail}`, { errors: [{ pointer: 'stop', detail }] });
  }
  const changes = preferenceChanges(choices, { stop, was: listed('was') });
  const nowMs = Date.now();
  let written = false;
  for (const scope of changes.stop) written = (await unsubscribe(store, delivery, scope, nowMs)) || written;
  if (changes.resume.length === 0) return written;
  const of = { accountId: delivery.accountId, address: delivery.recipient, scopes: changes.resume };
  return (await resumeMail(store, of, nowMs)) > 0 || written;
}

/** The form, or what is wrong with it. */
async function readForm(c: Call): Promise<FormData | Problem> {
  const tooLarge = new Problem('too_large', `The form may have at most ${formBytes} bytes.`);
  const bytes = await readBytes(c, formBytes, () => tooLarge).catch((error: unknown) => {
    if (error !== tooLarge) throw error;
    return null;
  });
  if (!bytes) return tooLarge;
  const type = c.req.header('Content-Type') ?? '';
  const form = await new Response(bytes, { headers: { 'Content-Type': type } }).formData().catch(() => null);
  if (form?.get(oneClick.name) === oneClick.value || form?.get(choosing.name) === choosing.value) return form;
  const detail = `must be ${oneClick.value}, in a form (application/x-www-form-urlencoded or multipart/form-data; RFC 8058 §3.2)`;
  return new Problem('invalid_body', `${oneClick.name} ${detail}`, {
    errors: [{ pointer: oneClick.name, detail }],
  });
}

/** What the path's token is about; null when it is no good one, or its message is not kept any more. */
async function foundBy(c: Call): Promise<Found | null> {
  const shown = c.req.query('scope');
  const keys = c.get('env').returnPathKeys;
  const link = await verifyLink('unsubscribe', c.req.param('token') ?? '', scopeTarget(shown), keys);
  const store = link && (await storeOfMessage(c.get('store'), link.messageId));
  const delivery = store && (await findTracked(store, link, Date.now()));
  if (!delivery) return null;
  return { store, delivery, scope: scopeNamed(shown, delivery) };
}

/** A link without a scope is for the sending domain. */
function scopeNamed(shown: string | undefined, { signingDomain }: TrackedDelivery): string {
  if (shown === undefined || shown === '') return signingDomain;
  return shown === 'account' ? '' : shown;
}
