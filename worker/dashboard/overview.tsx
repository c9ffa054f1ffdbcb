import { hasUsers } from '../store/auth.ts';
import { Board, html, viewerOf } from './board.tsx';
import { Page } from './layout.tsx';
import { Head } from './parts.tsx';

export const overviewPages = new Board();

overviewPages.open('get', '/', async (c) => {
  const viewer = await viewerOf(c);
  if (!viewer) return c.redirect((await hasUsers(c.get('store'))) ? '/sign-in' : '/set-up', 303);
  return html(
    c,
    <Page title="Overview" viewer={viewer} url={c.req.url}>
      <Head title="Overview" />
    </Page>,
  );
});
