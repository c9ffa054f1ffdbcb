import { Browser } from '../support/browser.ts';
import { startBenchEdge } from './bench-edge.ts';
import { fill, skipGap } from './fill.ts';
import { judged, type SectionReport, told } from './report.ts';

const most = 1000;

/** What a page view reads at D1 when an account has a million messages. */
export async function dashboard({ quick }: { quick: boolean }): Promise<SectionReport> {
  const count = quick ? 200_000 : 1_000_000;
  const bench = await startBenchEdge();
  try {
    // Half of them in an earlier week: most pages look at more than one.
    await fill(bench, { count: count / 2, agoMs: 7 * 86_400_000 });
    await fill(bench, { count: count / 2 });
    const browser = new Browser(bench.url, (path, init) => fetch(bench.url + path, init));
    const password = 'only for this bench';
    const owner = { name: 'Bench', email: 'bench@people.example', password, code: bench.setupCode };
    const entered = await browser.post('/set-up', owner);
    if (entered.status !== 303) throw new Error(`the set-up gave ${entered.status}`);
    const read = async (path: string): Promise<number> => {
      const response = await browser.get(path);
      await response.arrayBuffer();
      if (response.status !== 200) throw new Error(`${path}: ${response.status}`);
      return Number(/read=(\d+)/.exec(response.headers.get('Server-Timing') ?? '')?.[1]);
    };
    // As the cron does it minute by minute: what has happened is counted, and noted for searches.
    await skipGap(bench);
    while ((await (await browser.get('/statistics')).text()).includes('still being counted'));
    const first = await (await browser.get('/messages')).text();
    const older = /href="(\/messages\?before=[^"]+)"/.exec(first)?.[1] ?? '';
    const message = /href="(\/messages\/[0-9a-f-]{36})"/.exec(first)?.[1] ?? '';
    const day = new Date().toISOString().slice(0, 10);
    const plain = async (what: string, path: string) => told(`rows read: ${what}`, String(await read(path)));
    const kept = async (what: string, path: string) => {
      const rows = await read(path);
      return judged(`rows read: ${what}`, `≤ ${most}`, String(rows), rows <= most);
    };
    return {
      title: `Dashboard: rows read a page view with ${count.toLocaleString('en')} messages`,
      figures: [
        await kept('overview', '/'),
        await kept('overview of 30 days', '/?span=month'),
        await kept('first page of messages', '/messages'),
        await kept('second page of messages', older),
        await kept('one message', message),
        await kept('search for an address that is nowhere', '/messages?q=nobody%40nowhere.example'),
        await kept('search for words, its first step', '/messages?q=nothing'),
        await kept('messages of a day', `/messages?since=${day}&until=${day}`),
        await kept('events', '/events'),
        await kept('complaints', '/events?kind=complained'),
        await kept('statistics', '/statistics'),
        await plain('domains', '/domains'),
        await plain('SMTP & API', '/sending'),
        await plain('settings', '/settings'),
      ],
      notes: ['as the Worker says in Server-Timing; session and membership included'],
    };
  } finally {
    await bench.stop();
  }
}
