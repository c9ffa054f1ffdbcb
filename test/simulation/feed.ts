import { NoAnswer } from './edge.ts';
import { Violation } from './history.ts';
import { type Account, type FeedEvent, jsonOf, type Service } from './service.ts';

interface Page {
  data: (FeedEvent & { cursor: string })[];
  next: string;
  has_more: boolean;
}

const dayMs = 86_400_000;

/** One page of `GET /v1/events`; null when it did not come. */
async function pageAfter(
  service: Service,
  account: Account,
  after: string,
  limit: number,
): Promise<Page | null> {
  try {
    const answer = await service.call('GET', `/v1/events?after=${after}&limit=${limit}`, account.key);
    return answer.status === 200 ? jsonOf<Page>(answer) : null;
  } catch (error) {
    if (error instanceof NoAnswer) return null;
    throw error;
  }
}

/** Reads on from where the account stands to the end. False when the end was not reached. */
export async function readOn(service: Service, account: Account): Promise<boolean> {
  if (account.reading) return false;
  account.reading = true;
  try {
    for (;;) {
      const page = await pageAfter(service, account, account.cursor, 100);
      if (!page) return false;
      for (const event of page.data) {
        if (account.feedIds.has(event.id)) {
          service.fail(
            new Violation('4 cursors', `event ${event.id} (${event.kind}) came twice to one who reads on`, [
              event.message_id,
            ]),
          );
        }
        account.feedIds.add(event.id);
        const { cursor: _, ...plain } = event;
        account.feed.push(plain);
        service.figures.events += 1;
        if (service.random.chance(0.1))
          account.cursors.push({ cursor: event.cursor, index: account.feed.length });
      }
      if (page.next !== account.cursor)
        account.cursors.push({ cursor: page.next, index: account.feed.length });
      account.cursor = page.next;
      if (!page.has_more) return true;
    }
  } finally {
    account.reading = false;
  }
}

/** Reads some pages from a cursor that was handed out before, and compares them with what was read at the time. */
export async function readAgain(service: Service, account: Account): Promise<void> {
  if (account.cursors.length === 0) return;
  const { cursor, index } = service.random.pick([{ cursor: '', index: 0 }, ...account.cursors]);
  let [after, at] = [cursor, index];
  for (let pages = 0; pages < 3; pages++) {
    const page = await pageAfter(service, account, after, 100);
    if (!page) return;
    for (const { id, kind, message_id } of page.data) {
      if (!account.feedIds.has(id)) return;
      const found = account.feed.findIndex((event, i) => i >= at && event.id === id);
      const about = [id, message_id];
      if (found < 0) {
        service.fail(
          new Violation(
            '4 cursors',
            `${kind} ${id} came again or out of its order behind the cursor ${cursor || '(none)'}`,
            about,
          ),
        );
        return;
      }
      const passed = account.feed.slice(at, found).filter((event) => isKept(service, account, event));
      const [missed] = passed;
      if (missed) {
        const text = `${passed.length} events were passed by behind the cursor ${cursor || '(none)'}, ${missed.kind} of ${missed.at} the first`;
        service.fail(new Violation('4 cursors', text, [missed.id, missed.message_id]));
        return;
      }
      at = found + 1;
    }
    if (!page.has_more) break;
    after = page.next;
  }
}

/** True when the event must still be readable: neither its message nor its own week may have been dropped. */
function isKept(service: Service, account: Account, event: FeedEvent): boolean {
  const sent = service.byMessage.get(event.message_id);
  const oldestMs = Math.min(Date.parse(event.at), sent?.acceptedMs ?? 0);
  return account.id > 0 && service.clock.nowMs - oldestMs < 32 * dayMs;
}
