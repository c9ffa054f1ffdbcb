import { Hono } from 'hono';
import { Problem } from '#domain/problem.ts';
import type { App, Call } from '../http/app.ts';
import { ownCookies } from '../http/own-cookies.ts';
import { publicOrigin } from '../http/public-origin.ts';
import type { Typed } from '../http/refused-form.ts';
import { drain, strangersBytes } from '../http/request-body.ts';
import { pageAccess } from '../identity/access.ts';
import { may, roleAbout } from '../identity/viewer.ts';
import { errorAnswer, withPageHeaders } from '../pages/answer.tsx';
import { refusedForm } from '../pages/forms.tsx';
import { membershipsOf, type Role, type Viewer } from '../store/auth.ts';
import { authOf, passCookies } from './sign-in/auth.ts';

/** A form's fields, trimmed; a missing one is ''. */
export interface Form extends Typed {
  /** A file that was chosen; null when none was. */
  file(name: string): File | null;
}

type Answer = Response | Promise<Response>;

/** How much a form may carry, and what to do with more. */
interface FormLimit {
  bytes: number;
  /** So many at most, each `name=value`, and no files. */
  fields?: number;
  advice: string;
}

/** Ways in are open to everybody: a form of many fields costs far more than its octets. A passkey has the most of these. */
const doorForm: FormLimit = { bytes: 64 * 1024, fields: 100, advice: 'The form is too large.' };
/** Forms are small; whoever posts more is refused. */
const plainForm: FormLimit = { bytes: 1024 * 1024, advice: 'The form is too large.' };

/** The pages by the pattern of their path: where a form is shown again that was refused. */
const pages = new Map<string, (c: Call) => Promise<Response>>();

/**
 * Pages and actions of one room of the dashboard: `open` is for everybody, `page` and `action` for who is signed in and
 * has the role that the table of access says (`worker/identity/access`). Whoever lacks it is sent to sign in, or told
 * what is missing.
 *
 * A form is refused by throwing a problem: the page above its path is shown, with what was typed and what is wrong.
 */
export class Board {
  readonly app = new Hono<App>();

  open(method: 'get' | 'post', path: string, handler: (c: Call, form: Form) => Answer): this {
    if (pageAccess(method.toUpperCase(), path) !== 'open')
      throw new Error(`${path} is open, and the table of access says otherwise`);
    if (method === 'get') {
      pages.set(path, async (c) => await handler(c, nothingTyped));
      this.app.get(path, (c) => answer(c, async () => await handler(c, nothingTyped)));
    } else
      this.app.post(path, (c) =>
        answer(c, () =>
          orRefusal(
            c,
            path,
            () => readForm(c, doorForm),
            async (form) => await handler(c, form),
          ),
        ),
      );
    return this;
  }

  page(path: string, handler: (c: Call, viewer: Viewer) => Answer): this {
    const role = roleOfPage('GET', path);
    const show = async (c: Call) => {
      const viewer = c.get('viewer') ?? (await viewerOf(c));
      if (!viewer) return toSignIn(c);
      requireRole(viewer, role);
      return await handler(c, viewer);
    };
    pages.set(path, show);
    this.app.get(path, (c) => answer(c, () => show(c)));
    return this;
  }

  action(path: string, handler: (c: Call, viewer: Viewer, form: Form) => Answer, limit = plainForm): this {
    const role = roleOfPage('POST', path);
    this.app.post(path, (c) =>
      answer(c, async () => {
        // Who it is comes first: a form is read for those who may send it.
        const viewer = await viewerOf(c);
        if (!viewer) {
          await drain(c, strangersBytes);
          return c.redirect('/sign-in', 303);
        }
        try {
          requireRole(viewer, role);
        } catch (error) {
          await drain(c);
          throw error;
        }
        return await orRefusal(
          c,
          path,
          () => readForm(c, limit),
          async (form) => await handler(c, viewer, form),
        );
      }),
    );
    return this;
  }
}

/** @throws Error when the table of access does not say which role it needs */
function roleOfPage(method: 'GET' | 'POST', path: string): Role | 'operator' {
  const who = pageAccess(method, path);
  if (who === 'open') throw new Error(`${path} needs a role, and the table of access has none`);
  return who.role;
}

/** @throws Problem that says what is missing */
function requireRole(viewer: Viewer, role: Role | 'operator'): void {
  if (role === 'operator') {
    if (!viewer.user.operator)
      throw new Problem('missing_scope', 'This is for the operator of this installation only.');
  } else if (!may(viewer, role)) {
    throw new Problem(
      'missing_scope',
      `This needs the role ${role} (${roleAbout[role]}); you are ${viewer.account.role}. Ask an owner of ${viewer.account.accountName}.`,
    );
  }
}

/** Who is signed in and at which account; null when nobody is, or belongs to no account any more. */
export async function viewerOf(c: Call): Promise<Viewer | null> {
  const cookie = ownCookies(c.req.header('Cookie') ?? '');
  if (!cookie.includes('pennypost.session_token=')) return null;
  const { headers, response } = await authOf(c).api.getSession({
    headers: new Headers({ cookie }),
    returnHeaders: true,
  });
  passCookies(c, headers);
  if (!response) return null;
  const { user, session } = response;
  const memberships = await membershipsOf(c.get('store'), user.id);
  const account =
    memberships.find((m) => m.organizationId === session.activeOrganizationId) ?? memberships[0];
  if (!account)
    throw new Problem('missing_scope', 'You belong to no account any more. Ask for an invitation.');
  const viewer: Viewer = {
    user: {
      id: user.id,
      name: user.name,
      email: user.email,
      operator: user.operator === true,
      twoFactor: user.twoFactorEnabled === true,
    },
    sessionId: session.id,
    memberships,
    account,
  };
  c.set('viewer', viewer);
  // From here on a page is about the account.
  c.set('store', c.get('store').at(account.home));
  return viewer;
}

function toSignIn(c: Call): Response {
  const { pathname, search } = new URL(c.req.url);
  const next = pathname === '/' ? '' : `?next=${encodeURIComponent(pathname + search)}`;
  return c.redirect(`/sign-in${next}`, 303);
}

async function answer(c: Call, handler: () => Promise<Response>): Promise<Response> {
  let response: Response;
  try {
    publicOrigin(c); // refuses a host that the pages are not at
    checkOrigin(c);
    response = await handler();
  } catch (error) {
    response = errorAnswer(c, error instanceof Error ? error : new Error(String(error)));
  }
  return withPageHeaders(c, response);
}

/** A form of another site must not act in the name of who is signed in here (beside SameSite cookies). */
function checkOrigin(c: Call): void {
  if (c.req.method === 'GET' || c.req.method === 'HEAD') return;
  const origin = c.req.header('Origin');
  const own =
    origin === undefined ? c.req.header('Sec-Fetch-Site') === 'same-origin' : origin === publicOrigin(c);
  if (!own)
    throw new Problem(
      'missing_scope',
      'The request came from another site. Open the page here and try again.',
    );
}

/** The fields of a form, which are counted before they are made. */
async function fewFields(c: Call, most: number): Promise<FormData> {
  const text = await c.req.text();
  if (text.split('&', most + 1).length > most) throw new Error('it has too many fields');
  const form = new FormData();
  for (const [name, value] of new URLSearchParams(text)) form.append(name, value);
  return form;
}

/** What a form comes to; where it is refused, the page that it stands on says so. */
async function orRefusal(
  c: Call,
  path: string,
  read: () => Promise<Form>,
  handle: (form: Form) => Promise<Response>,
): Promise<Response> {
  let form: Form = nothingTyped;
  try {
    form = await read();
    return await handle(form);
  } catch (error) {
    const show = pageAbove(path);
    if (!(error instanceof Problem) || error.code === 'not_found' || !show) throw error;
    const refused = refusedForm(c.req.path, error, form);
    c.set('refused', refused);
    const page = await show(c).catch((fault: unknown) => {
      // What the form is about is not there, which goes before what is wrong in it.
      if (fault instanceof Problem && fault.code === 'not_found') throw fault;
      return null;
    });
    c.set('refused', undefined);
    // A page that does not have the form any more tells nothing of it.
    if (!page || !refused.told) throw error;
    for (const [name, value] of Object.entries(error.headers)) page.headers.set(name, value);
    return page;
  }
}

/** The page at the path of a form, or the nearest one above it. */
function pageAbove(path: string): ((c: Call) => Promise<Response>) | undefined {
  for (let place = path; place !== ''; place = place.slice(0, place.lastIndexOf('/'))) {
    const page = pages.get(place);
    if (page) return page;
  }
  return undefined;
}

const nothingTyped: Form = { text: () => '', all: () => [], file: () => null };

async function readForm(c: Call, limit: FormLimit): Promise<Form> {
  if (Number(c.req.header('Content-Length') ?? Number.POSITIVE_INFINITY) > limit.bytes) {
    await drain(c, limit === doorForm ? strangersBytes : undefined);
    throw new Problem('too_large', limit.advice);
  }
  const data = await (limit.fields === undefined ? c.req.formData() : fewFields(c, limit.fields)).catch(
    () => {
      throw new Problem('invalid_body', 'The form could not be read; open the page again.');
    },
  );
  const all = (name: string) =>
    data.getAll(name).flatMap((value) => (typeof value === 'string' ? [value.trim()] : []));
  // A browser sends a file of no name and no octets when none was chosen (HTML §4.10.21.4).
  const isChosen = (value: File | string) =>
    typeof value !== 'string' && (value.name !== '' || value.size > 0);
  const file = (name: string) => data.getAll(name).find(isChosen);
  return {
    text: (name) => all(name)[0] ?? '',
    all,
    file: (name) => (file(name) as File | undefined) ?? null,
  };
}
