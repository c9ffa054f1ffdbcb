import { Hono } from 'hono';
import type { Child } from 'hono/jsx';
import { Problem } from '#domain/problem.ts';
import { type App, type Call, problemOf } from '../api/app.ts';
import { drain } from '../api/request-body.ts';
import { membershipsOf, type Role } from '../store/auth.ts';
import { authOf, passCookies } from './auth.ts';
import { ErrorPage } from './layout.tsx';
import { may, roleAbout, type Viewer } from './viewer.ts';

/** No script or style but our own files, nothing from elsewhere, no frame around us. */
const contentPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "frame-src 'self'",
  "form-action 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
].join('; ');

/** A form's fields, trimmed; a missing one is ''. */
export interface Form {
  text(name: string): string;
  all(name: string): string[];
  /** A file that was chosen; null when none was. */
  file(name: string): File | null;
}

type Answer = Response | Promise<Response>;

/** How much a form may carry, and what to do with more. */
interface FormLimit {
  bytes: number;
  advice: string;
}

/** Forms are small; whoever posts more is refused. */
const plainForm: FormLimit = { bytes: 1024 * 1024, advice: 'The form is too large.' };

/**
 * Pages and actions of one room of the dashboard. Each way in says what it needs: `open` nothing, `page` somebody
 * who is signed in, `action` a role. Whoever lacks it is sent to sign in, or told what is missing.
 */
export class Board {
  readonly app = new Hono<App>();
  /** Every route that changes something, for the test that tries them all with the wrong role. */
  readonly actions: { path: string; role: Role | 'operator' }[] = [];

  open(method: 'get' | 'post', path: string, handler: (c: Call, form: Form) => Answer): this {
    this.app[method](path, (c) => answer(c, async () => await handler(c, await readForm(c))));
    return this;
  }

  page(path: string, handler: (c: Call, viewer: Viewer) => Answer): this {
    this.app.get(path, (c) =>
      answer(c, async () => {
        const viewer = await viewerOf(c);
        return viewer ? await handler(c, viewer) : toSignIn(c);
      }),
    );
    return this;
  }

  action(
    path: string,
    role: Role | 'operator',
    handler: (c: Call, viewer: Viewer, form: Form) => Answer,
    limit = plainForm,
  ): this {
    this.actions.push({ path, role });
    this.app.post(path, (c) =>
      answer(c, async () => {
        const form = await readForm(c, limit);
        const viewer = await viewerOf(c);
        if (!viewer) return c.redirect('/sign-in', 303);
        if (role === 'operator') needOperator(viewer);
        else if (!may(viewer, role)) {
          throw new Problem(
            'missing_scope',
            `This needs the role ${role} (${roleAbout[role]}); you are ${viewer.account.role}. Ask an owner of ${viewer.account.accountName}.`,
          );
        }
        return await handler(c, viewer, form);
      }),
    );
    return this;
  }
}

export function needOperator(viewer: Viewer): void {
  if (!viewer.user.operator)
    throw new Problem('missing_scope', 'This is for the operator of this installation only.');
}

/** Who is signed in and at which account; null when nobody is, or belongs to no account any more. */
export async function viewerOf(c: Call): Promise<Viewer | null> {
  if (!(c.req.header('Cookie') ?? '').includes('pennypost.')) return null;
  const { headers, response } = await authOf(c).api.getSession({
    headers: c.req.raw.headers,
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
  return viewer;
}

function toSignIn(c: Call): Response {
  const { pathname, search } = new URL(c.req.url);
  const next = pathname === '/' ? '' : `?next=${encodeURIComponent(pathname + search)}`;
  return c.redirect(`/sign-in${next}`, 303);
}

/** A page as an answer. */
export function html(
  c: Call,
  page: Child,
  status: 200 | 400 | 401 | 403 | 404 | 409 | 422 | 429 = 200,
): Response {
  return c.html(`<!doctype html>${page}`, status);
}

async function answer(c: Call, handler: () => Promise<Response>): Promise<Response> {
  let response: Response;
  try {
    checkOrigin(c);
    response = await handler();
  } catch (error) {
    response = errorAnswer(c, error instanceof Error ? error : new Error(String(error)));
  }
  return withPageHeaders(c, response);
}

/** What every page says of itself to browsers. */
export function withPageHeaders(c: Call, response: Response): Response {
  const { headers } = response;
  if (!headers.has('Content-Security-Policy')) headers.set('Content-Security-Policy', contentPolicy);
  headers.set('X-Content-Type-Options', 'nosniff');
  headers.set('Referrer-Policy', 'same-origin');
  headers.set('Cross-Origin-Opener-Policy', 'same-origin');
  if (!headers.has('Cache-Control')) headers.set('Cache-Control', 'no-store');
  if (new URL(c.req.url).protocol === 'https:') headers.set('Strict-Transport-Security', 'max-age=31536000');
  return response;
}

/** A form of another site must not act in the name of who is signed in here (beside SameSite cookies). */
function checkOrigin(c: Call): void {
  if (c.req.method === 'GET' || c.req.method === 'HEAD') return;
  const origin = c.req.header('Origin');
  const own =
    origin === undefined
      ? c.req.header('Sec-Fetch-Site') === 'same-origin'
      : origin === new URL(c.req.url).origin;
  if (!own)
    throw new Problem(
      'missing_scope',
      'The request came from another site. Open the page here and try again.',
    );
}

async function readForm(c: Call, limit = plainForm): Promise<Form> {
  if (c.req.method !== 'POST') return { text: () => '', all: () => [], file: () => null };
  if (Number(c.req.header('Content-Length') ?? Number.POSITIVE_INFINITY) > limit.bytes) {
    await drain(c);
    throw new Problem('too_large', limit.advice);
  }
  const data = await c.req.formData().catch(() => {
    throw new Problem('invalid_body', 'The form could not be read; open the page again.');
  });
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

/** The page of an error: what it is and what to do. What is our fault is logged, its details hidden. */
export function errorAnswer(c: Call, error: Error): Response {
  const problem = problemOf(error, c.get('requestId'));
  const title =
    problem.code === 'missing_scope'
      ? 'You may not do this'
      : problem.code === 'not_found'
        ? 'There is no such page'
        : problem.code === 'too_large'
          ? 'That is too much at once'
          : problem.title;
  const page = (
    <ErrorPage title={title} text={problem.detail} viewer={c.get('viewer') ?? null} url={c.req.url} />
  );
  return new Response(`<!doctype html>${page}`, {
    status: problem.status,
    headers: { 'Content-Type': 'text/html; charset=utf-8', ...problem.headers },
  });
}
