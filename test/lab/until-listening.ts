import type { HostName } from './hosts.ts';
import type { Namespaces } from './namespaces.ts';
import { until } from './until.ts';

export async function untilListening(namespaces: Namespaces, host: HostName, port: number): Promise<void> {
  await until(`${host} to listen on port ${port}`, 20_000, async () => {
    const { stdout } = await namespaces.run(host, 'ss', ['-Hltn', `( sport = :${port} )`]);
    return stdout.trim() !== '';
  });
}
