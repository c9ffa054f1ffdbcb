import type { Child } from 'hono/jsx';
import { Problem } from '#domain/problem.ts';
import { type Call, newApp } from '../http/app.ts';
import { drain, strangersBytes } from '../http/request-body.ts';
import { inAnyHome, storesOfNumber } from '../store/account-homes.ts';
import { readAlias, switchOffAlias } from '../store/aliases.ts';
import { agree, findAsked } from '../store/destinations.ts';
import { everyHome } from '../store/store.ts';
import { verifySwitchOff } from '../tokens/alias-links.ts';
import { sha256Hex } from '../tokens/secret.ts';
import { page, refused } from './answer.tsx';

/**
 * Where links lead that have to do with aliases: an address agrees to get mail, an alias is switched off. Nobody signs in
 * here: the token in the path is all that counts. Programs that look at links fetch them, so only the button acts.
 */
export const aliasLinksApp = newApp();

aliasLinksApp.get('/destination/:token', async (c) => {
  const slow = c.get('uncounted');
  if (slow) return refused(c, slow);
  const hash = await hashOf(c);
  const asked = await inAnyHome(everyHome(c.get('store')), (store) => findAsked(store, hash, Date.now()));
  if (!asked) return refused(c, new Problem('not_found', usedUp));
  return withButton(
    c,
    'Get mail here',
    'I agree',
    <p>
      The account “{asked.account}” wants to send mail that comes to its addresses on to {asked.address}.
      Press the button to agree; each mail then has a link that ends it.
    </p>,
  );
});

aliasLinksApp.post('/destination/:token', async (c) => {
  await drain(c, strangersBytes);
  const slow = c.get('uncounted');
  if (slow) return refused(c, slow);
  const hash = await hashOf(c);
  const address = await inAnyHome(everyHome(c.get('store')), (store) => agree(store, hash, Date.now()));
  if (address === null) return refused(c, new Problem('not_found', usedUp));
  return said(c, 'Agreed', `Mail is sent on to ${address} from now on.`);
});

aliasLinksApp.get('/alias/off/:token', async (c) => {
  const slow = c.get('uncounted');
  if (slow) return refused(c, slow);
  const alias = await aliasOf(c);
  if (!alias) return refused(c, new Problem('not_found', goneAlias));
  if (!alias.active) return said(c, 'Switched off', `${alias.address} is switched off already.`);
  return withButton(
    c,
    'Switch an alias off',
    'Switch off',
    <p>
      Press the button, and mail to {alias.address} is refused from now on. Its account can switch it on
      again.
    </p>,
  );
});

aliasLinksApp.post('/alias/off/:token', async (c) => {
  await drain(c, strangersBytes);
  const slow = c.get('uncounted');
  if (slow) return refused(c, slow);
  const alias = await aliasOf(c);
  if (!alias) return refused(c, new Problem('not_found', goneAlias));
  await switchOffAlias(alias.store, alias.id, Date.now());
  return said(c, 'Switched off', `Mail to ${alias.address} is refused from now on.`);
});

const usedUp =
  'This link is not good: it was followed before, it is more than seven days old, or it was changed on the way.';
const goneAlias = 'This link is not good: it was changed on the way, or its alias is gone.';

/** What is stored of the token. */
async function hashOf(c: Call): Promise<string> {
  return await sha256Hex(c.req.param('token') ?? '');
}

async function aliasOf(c: Call) {
  const id = await verifySwitchOff(c.get('env').returnPathKeys, c.req.param('token') ?? '');
  if (id === null) return null;
  return await inAnyHome(storesOfNumber(c.get('store'), id), async (store) => {
    const alias = await readAlias(store, id);
    return alias && { store, id, ...alias };
  });
}

function withButton(c: Call, title: string, button: string, about: Child): Response {
  return page(
    c,
    title,
    <>
      <h1>{title}</h1>
      {about}
      <form method="post" action={c.req.path} class="fields">
        <button type="submit" class="primary">
          {button}
        </button>
      </form>
    </>,
  );
}

function said(c: Call, title: string, text: string): Response {
  return page(
    c,
    title,
    <>
      <h1>{title}</h1>
      <p>{text}</p>
    </>,
  );
}
