import { Hono } from 'hono';
import type { App } from '../api/app.ts';
import { serveAsset } from './assets.ts';
import type { Board } from './board.tsx';
import { overviewPages } from './overview.tsx';
import { setUpPages } from './set-up.tsx';
import { signInPages } from './sign-in.tsx';

const boards: Board[] = [setUpPages, signInPages, overviewPages];

/** The dashboard, at `/`. */
export const dashboardApp = new Hono<App>();
dashboardApp.get('/assets/:version/:name', (c) => serveAsset(c.req.path) ?? c.notFound());
for (const { app } of boards) dashboardApp.route('/', app);

/** Every route that changes something for those who are signed in, with the role that it needs. */
export const dashboardActions = boards.flatMap(({ actions }) => actions);
