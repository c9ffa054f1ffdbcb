import { getCookie } from 'hono/cookie';
import type { Child } from 'hono/jsx';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { type Call, problemOf } from '../http/app.ts';
import { RefusedContext } from './forms.tsx';
import { ErrorPage } from './layout.tsx';

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

/** A page as an answer; its status is the refusal's, where it is shown because of one. */
export function html(
  c: Call,
  page: Child,
  status: 200 | 400 | 401 | 403 | 404 | 409 | 422 | 429 | 503 = 200,
): Response {
  const refused = c.get('refused') ?? null;
  const text = `<!doctype html>${<RefusedContext.Provider value={refused}>{page}</RefusedContext.Provider>}`;
  return c.html(themed(c, text), refused ? (refused.problem.status as ContentfulStatusCode) : status);
}

/** Colours that somebody has chosen for the pages in this browser; without a choice they follow the device. */
export const themeCookie = 'pennypost.theme';
export const themes = ['light', 'dark'] as const;

function themed(c: Call, page: string): string {
  const theme = themes.find((one) => one === getCookie(c, themeCookie));
  return theme ? page.replace('<html lang="en"', `<html lang="en" data-theme="${theme}"`) : page;
}

/** What every page says of itself to browsers, where it has not said otherwise. */
export function withPageHeaders(c: Call, response: Response): Response {
  const { headers } = response;
  const said = {
    'Content-Security-Policy': contentPolicy,
    'X-Content-Type-Options': 'nosniff',
    'Referrer-Policy': 'same-origin',
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cache-Control': 'no-store',
  };
  for (const [name, value] of Object.entries(said)) if (!headers.has(name)) headers.set(name, value);
  if ((c.get('env')?.publicUrl || c.req.url).startsWith('https:'))
    headers.set('Strict-Transport-Security', 'max-age=31536000');
  return response;
}

/**
 * The page of an error: what it is and what to do. What is our fault is logged, its details hidden.
 * @param forRecipients see `Door`
 */
export function errorAnswer(c: Call, error: Error, forRecipients = false): Response {
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
    <ErrorPage
      title={title}
      text={problem.detail}
      viewer={c.get('viewer') ?? null}
      url={c.req.url}
      forRecipients={forRecipients}
    />
  );
  return withPageHeaders(
    c,
    new Response(themed(c, `<!doctype html>${page}`), {
      status: problem.status,
      headers: { 'Content-Type': 'text/html; charset=utf-8', ...problem.headers },
    }),
  );
}
