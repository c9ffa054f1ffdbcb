import { z } from '@hono/zod-openapi';
import { Problem } from '#domain/problem.ts';
import { newApp } from '../http/app.ts';
import { readBody } from '../http/request-body.ts';
import { sendMove } from '../hub/send-move.ts';
import { noted } from '../identity/audit.ts';
import { obstacleOf } from '../store/moving/obstacles.ts';
import { findMove, type Move, noteMove } from '../store/moving/record.ts';
import { accountOf, accountView, noSuchHome } from './admin-account.ts';

/** Moving an account to another home. */
export const adminMoveApp = newApp();

const homeBody = z.strictObject({ home: z.number().int().min(0) });

adminMoveApp.get('/accounts/:id/home', async (c) => {
  const account = await accountOf(c);
  return c.json({ ...accountView(account), move: moveView(await findMove(c.get('store'), account.id)) });
});

/** Begins the move, and answers before it is done; asked again, it tells how far it is. */
adminMoveApp.put('/accounts/:id/home', async (c) => {
  const account = await accountOf(c);
  const { home } = await readBody(c, homeBody);
  const store = c.get('store').first;
  if (home >= store.homes) throw noSuchHome(store);
  const known = await findMove(store, account.id);
  if (!known && account.home === home) return c.json({ ...accountView(account), move: null });
  if (known && known.to !== home)
    throw new Problem(
      'conflict',
      `Account ${account.id} is on its way to home ${known.to}; wait until it is there.`,
    );
  const obstacle = known ? null : await obstacleOf(store.at(account.home), account.id);
  if (obstacle) throw new Problem('conflict', obstacle);
  const move =
    known ?? (await noteMove(store, { accountId: account.id, from: account.home, to: home }, Date.now()));
  noted(c, { from: String(move.from), home: String(home) });
  await sendMove(c.get('env'), account.id);
  return c.json({ ...accountView(account), move: moveView(move) }, 202);
});

function moveView(move: Move | null) {
  if (!move) return null;
  return {
    from: move.from,
    to: move.to,
    state: move.state,
    since: new Date(move.sinceMs).toISOString(),
    started_at: new Date(move.startedAtMs).toISOString(),
    table: move.place.name ?? null,
    waits_for: move.waitsFor,
  };
}
