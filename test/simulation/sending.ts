import { type Letter, promised } from './customers.ts';
import { type Account, jsonOf, type Service } from './service.ts';

/** Sends one letter, and notes what was promised. */
export async function sendLetter(
  service: Service,
  account: Account,
  letter: Letter,
  key = account.key,
): Promise<void> {
  const answer = await service.call('POST', '/v1/send', key, letter);
  if (answer.status !== 202) return;
  promised(
    service,
    account,
    jsonOf<{ message_id: string }>(answer).message_id,
    letter,
    key === account.testKey,
  );
}

/** Sends several in one request. */
export async function sendBatch(
  service: Service,
  account: Account,
  letters: Letter[],
  key = account.key,
): Promise<void> {
  const answer = await service.call('POST', '/v1/send/batch', key, letters);
  if (answer.status !== 202) return;
  jsonOf<{ message_id?: string }[]>(answer).forEach(({ message_id }, i) => {
    const letter = letters[i];
    if (message_id !== undefined && letter)
      promised(service, account, message_id, letter, key === account.testKey);
  });
}
