/**
 * Reads mails that came back, one line of JSON each:
 * `node test/bench/bounces-read.ts [--mail-from '<>'|ADDRESS] <files…>`. Without the envelope sender it is not known,
 * as in a corpus.
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { readMail } from '../../worker/inbound/read-mail.ts';

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { 'mail-from': { type: 'string' } },
});
const mailFrom = values['mail-from']?.replace(/^<|>$/g, '');

for (const path of positionals) {
  const read = readMail(new Uint8Array(readFileSync(path)), mailFrom);
  const told = {
    path,
    kind: read.kind,
    recipients: read.recipients.map(({ recipient, finalRecipient, status, permanent, certain, ...of }) => ({
      recipient,
      final_recipient: finalRecipient,
      status,
      class: permanent ? 'permanent' : 'transient',
      bounce_class: of.class,
      certain,
    })),
    orig_message_id: read.originalMessageId,
    bounce_class:
      read.kind === 'bounce' || read.kind === 'delay' ? (read.recipients[0]?.class ?? null) : null,
  };
  process.stdout.write(`${JSON.stringify(told)}\n`);
}
