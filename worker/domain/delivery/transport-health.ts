import { transportPresets } from './transport.ts';

/** Messages that a relay took in some time, and what its events told of in the same time. */
export interface TransportFigures {
  taken: number;
  delivered: number;
  refused: number;
}

/** What is known of a relay. */
export interface TransportFacts {
  preset: string;
  /** Of today and yesterday. */
  lately: TransportFigures;
  /** When its events told of a message last, Unix ms; null: never. */
  toldAtMs: number | null;
  /** Why it did not deliver one, as they said last. */
  toldText: string | null;
}

/**
 * - `refuses`: it takes messages and delivers few of them, as its events say.
 * - `silent`: its events tell of few of the messages that it takes.
 * - `unheard`: it has events, and none of them has come yet.
 */
export interface TransportFault {
  name: 'refuses' | 'silent' | 'unheard';
  text: string;
  fix: string;
}

/** Fewer messages say nothing about a relay. */
const enough = 20;

/**
 * What is wrong with a relay that takes messages: a 250 says only that it has them (RFC 5321 §4.2.5), its events what became of
 * them. Null: nothing that could be told. Pure.
 */
export function faultOfTransport({
  preset,
  lately,
  toldAtMs,
  toldText,
}: TransportFacts): TransportFault | null {
  const feed = transportPresets.find(({ name }) => name === preset)?.feed ?? null;
  const { taken, delivered, refused } = lately;
  if (feed === null || taken < enough) return null;
  const took = `of ${taken} messages that it took since yesterday`;
  if (refused > delivered)
    return {
      name: 'refuses',
      text: `${took}, its events say, ${delivered} were delivered and ${refused} refused${toldText === null ? '' : `: ${toldText}`}`,
      fix: 'Look at its own list of suppressed addresses and at its logs; give its mail to another transport meanwhile.',
    };
  if (toldAtMs === null)
    return {
      name: 'unheard',
      text: `none of its events has come, ${took}`,
      fix: 'Subscribe to its events (Start without port 25): without them nobody tells what became of that mail.',
    };
  if (delivered + refused < taken / 2)
    return {
      name: 'silent',
      text: `${took}, its events tell of ${delivered + refused} alone`,
      fix: 'See in its logs whether it delivers what it takes, and whether all events are subscribed to; give its mail to another transport meanwhile.',
    };
  return null;
}
