import type { Child } from 'hono/jsx';
import type { Problem } from '#domain/problem.ts';
import type { Call } from '../http/app.ts';
import { errorAnswer, html, withPageHeaders } from '../pages/answer.tsx';
import { Door } from '../pages/layout.tsx';

/** Nothing of this is to be kept by caches, found by searching, or told to where a link leads. */
export const quietly = {
  'Cache-Control': 'no-store',
  'Referrer-Policy': 'no-referrer',
  'X-Robots-Tag': 'noindex',
};

export const badLink = 'This link is not good: it was changed on the way, or its mail is too old.';

/** A browser asks for HTML; a mail program that posts for its user does not. */
export function isForPeople(c: Call): boolean {
  return (c.req.header('Accept') ?? '').includes('text/html');
}

/** A page of one thing. */
export function page(c: Call, title: string, content: Child): Response {
  return told(
    c,
    html(
      c,
      <Door title={title} url={c.req.url} forRecipients>
        {content}
      </Door>,
    ),
  );
}

/** Says what is wrong: to people by a page, to programs as a problem. */
export function refused(c: Call, problem: Problem): Response {
  if (!isForPeople(c)) throw problem;
  return told(c, errorAnswer(c, problem, true));
}

function told(c: Call, response: Response): Response {
  const answer = withPageHeaders(c, response);
  for (const [name, value] of Object.entries(quietly)) answer.headers.set(name, value);
  return answer;
}
