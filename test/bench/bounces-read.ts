/** Reads mails that came back, one line of JSON each: `node test/bench/bounces-read.ts <files…>`. */
import { readFileSync } from 'node:fs';
import { readMail } from '../../worker/inbound/read-mail.ts';

for (const path of process.argv.slice(2)) {
  const read = await readMail(new Uint8Array(readFileSync(path)));
  const told = {
    path,
    kind: read.kind,
    recipients: read.recipients.map(({ recipient, status, permanent }) => ({
      recipient,
      status,
      class: permanent ? 'permanent' : 'transient',
    })),
    orig_message_id: read.originalMessageId,
    bounce_class:
      read.kind === 'bounce' || read.kind === 'delay' ? (read.recipients[0]?.class ?? null) : null,
  };
  process.stdout.write(`${JSON.stringify(told)}\n`);
}
