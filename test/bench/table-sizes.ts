import { copyFile, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** Bytes of each table and index of the local D1, from a copy of its file (D1 itself tells only the sum). */
export async function tableSizes(dataDir: string): Promise<Map<string, number>> {
  const folder = join(dataDir, 'state/d1/miniflare-D1DatabaseObject');
  const files = (await readdir(folder)).filter((name) => /^[0-9a-f]{32,}\.sqlite(-wal)?$/.test(name));
  const main = files.find((name) => name.endsWith('.sqlite'));
  if (!main) throw new Error('the file of the local D1 was not found');
  const copy = await mkdtemp(join(tmpdir(), 'pennypost-bench-copy-'));
  try {
    for (const name of files) await copyFile(join(folder, name), join(copy, name));
    const database = new DatabaseSync(join(copy, main));
    const rows = database.prepare('SELECT name, sum(pgsize) AS bytes FROM dbstat GROUP BY name').all();
    database.close();
    return new Map(rows.map((row) => [String(row.name), Number(row.bytes)]));
  } finally {
    await rm(copy, { recursive: true });
  }
}
