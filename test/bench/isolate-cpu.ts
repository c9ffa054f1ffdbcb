/** As V8 answers `Profiler.stop` (Chrome DevTools Protocol, Profiler.Profile). */
interface Profile {
  nodes: { id: number; callFrame: { functionName: string } }[];
  samples: number[];
}

interface Answer {
  id?: number;
  result?: { profile?: Profile };
  error?: { message: string };
}

/** How often V8 looks. Each look at the isolate that is not idle counts for so long. */
const intervalUs = 500;

/** The target of miniflare that is the Worker with its objects. */
const workerTitle = /core:user:/;

/**
 * The CPU time of the Worker's isolate while `work` runs, milliseconds: V8 samples an isolate only while it runs. What stands in
 * for the platform (D1, queues, R2, the HTTP front) are other isolates of the same process.
 */
export async function isolateCpuMs(inspectorPort: number, work: () => Promise<void>): Promise<number> {
  const targets = (await (await fetch(`http://127.0.0.1:${inspectorPort}/json`)).json()) as {
    title: string;
    webSocketDebuggerUrl: string;
  }[];
  const target = targets.find(({ title }) => workerTitle.test(title));
  if (!target) throw new Error('the Worker is not among the targets of the inspector');
  const url = new URL(target.webSocketDebuggerUrl);
  url.hostname = '127.0.0.1';
  const session = await connect(url);
  try {
    await session.call('Profiler.enable');
    await session.call('Profiler.setSamplingInterval', { interval: intervalUs });
    await session.call('Profiler.start');
    await work();
    const { profile } = await session.call('Profiler.stop');
    if (!profile) throw new Error('V8 gave no profile');
    const idle = new Set(
      profile.nodes.filter(({ callFrame }) => callFrame.functionName === '(idle)').map(({ id }) => id),
    );
    return (profile.samples.filter((id) => !idle.has(id)).length * intervalUs) / 1000;
  } finally {
    session.close();
  }
}

async function connect(url: URL) {
  const socket = new WebSocket(url);
  const waiting = new Map<number, (answer: Answer) => void>();
  socket.addEventListener('message', ({ data }) => {
    const answer = JSON.parse(String(data)) as Answer;
    if (answer.id !== undefined) waiting.get(answer.id)?.(answer);
  });
  await new Promise((resolve, reject) => {
    socket.addEventListener('open', resolve);
    socket.addEventListener('error', reject);
  });
  let last = 0;
  return {
    async call(method: string, params: object = {}) {
      const id = ++last;
      const answer = await new Promise<Answer>((resolve) => {
        waiting.set(id, resolve);
        socket.send(JSON.stringify({ id, method, params }));
      });
      if (answer.error) throw new Error(`${method}: ${answer.error.message}`);
      return answer.result ?? {};
    },
    close: () => socket.close(),
  };
}
