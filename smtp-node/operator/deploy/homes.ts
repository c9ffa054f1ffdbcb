/** Homes: the databases that accounts live in. The first is the installation's own; the Worker binds the others by number. */
import { z } from 'zod';
import { mostHomes } from '#domain/message/home.ts';
import { DeployError } from './cloudflare.ts';
import { type Installation, names, pendingMigrations } from './installation.ts';
import type { Session } from './session.ts';

/** A database that is a home beside the first. */
export interface FurtherHome {
  /** Of its binding. */
  binding: string;
  /** Of the database. */
  name: string;
  /** Null: it is to be made. */
  databaseId: string | null;
  pendingMigrations: string[];
}

/**
 * The homes beside the first that there are to be: those that the Worker has, and more where more are wanted. A database
 * that an earlier run has made and not bound is taken.
 * @param wanted `--homes`; undefined: as many as there are
 * @throws DeployError when that is fewer than there are, or too many
 */
export async function planHomes(
  session: Session,
  installation: Pick<Installation, 'furtherHomes'>,
  wanted: string | undefined,
): Promise<FurtherHome[]> {
  const there = 1 + Math.max(0, ...installation.furtherHomes.map(({ home }) => home));
  const count = wanted === undefined ? there : Number(wanted);
  if (!Number.isInteger(count) || count < 1 || count > mostHomes)
    throw new DeployError(`--homes must be a number from 1 to ${mostHomes}.`);
  if (count < there)
    throw new DeployError(
      `There are ${there} homes, and accounts may live in each of them: --homes cannot be fewer than ${there}.`,
    );
  return await Promise.all(
    Array.from({ length: count - 1 }, (_, i) => readHome(session, installation.furtherHomes, i + 1)),
  );
}

async function readHome(
  { api, account }: Session,
  bound: Installation['furtherHomes'],
  home: number,
): Promise<FurtherHome> {
  const name = `${names.database}-home-${home}`;
  const listed = await api.ask(
    z.array(z.object({ uuid: z.string(), name: z.string() })),
    `${account}/d1/database?name=${name}`,
  );
  const databaseId =
    bound.find((one) => one.home === home)?.databaseId ??
    listed.find((one) => one.name === name)?.uuid ??
    null;
  const database = databaseId === null ? null : { api, account, databaseId };
  return {
    binding: `DB_${home}`,
    // One that was bound by hand has the name that it was given.
    name: listed.find(({ uuid }) => uuid === databaseId)?.name ?? name,
    databaseId,
    pendingMigrations: await pendingMigrations(database),
  };
}
