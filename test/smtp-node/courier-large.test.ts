import { createHash } from 'node:crypto';
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { createCourier } from '../../smtp-node/outbound/courier.ts';
import { send } from '../support/courier.ts';
import { aMessage } from '../support/mail.ts';

/** An MX that takes a message slowly and keeps only its hash, so that the memory measured is the courier's. */
function startHashingMx() {
  const hash = createHash('sha256');
  let octets = 0;
  let inData = false;
  const server = createServer((socket) => {
    socket.write('220 mx.test\r\n');
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => {
      if (!inData) {
        const verb = chunk.toString('latin1', 0, 4);
        if (verb === 'DATA') inData = true;
        socket.write(verb === 'DATA' ? '354 Go ahead\r\n' : verb === 'QUIT' ? '221 Bye\r\n' : '250 Ok\r\n');
        return;
      }
      hash.update(chunk);
      octets += chunk.length;
      if (chunk.subarray(-5).toString() === '\r\n.\r\n') socket.write('250 2.0.0 Queued\r\n');
      socket.pause();
      setImmediate(() => socket.resume());
    });
  });
  return new Promise<{ port: number; octets(): number; close(): void }>((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      const port = address && typeof address === 'object' ? address.port : 0;
      resolve({ port, octets: () => octets, close: () => server.close() });
    });
  });
}

it('streams a message of 25 MiB from its file, in less than 100 MiB of further memory', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'courier-'));
  const path = join(folder, 'large.eml');
  const line = `${'QUJD'.repeat(19)}\r\n`;
  const piece = Buffer.from(line.repeat(1000));
  writeFileSync(path, aMessage);
  let sizeBytes = aMessage.length;
  for (; sizeBytes < 25 * 1024 * 1024; sizeBytes += piece.length) appendFileSync(path, piece);
  const mx = await startHashingMx();
  const courier = createCourier({
    hostName: 'node.pennypost.test',
    route: { host: '127.0.0.1', port: mx.port },
  });

  const beforeBytes = process.memoryUsage.rss();
  let peakBytes = beforeBytes;
  const watch = setInterval(() => {
    peakBytes = Math.max(peakBytes, process.memoryUsage.rss());
  }, 5);
  const outcome = await send(courier, {}, { raw: { kind: 'file', path, sizeBytes } });
  clearInterval(watch);

  expect(outcome).toMatchObject({ type: 'delivered' });
  expect(mx.octets()).toBeGreaterThan(sizeBytes);
  expect((peakBytes - beforeBytes) / 1024 / 1024).toBeLessThan(100);
  await courier.close();
  mx.close();
  rmSync(folder, { recursive: true });
});
