/** What happened to an account's mail in the last days. */
export interface MailFigures {
  /** Recipients. */
  sent: number;
  delivered: number;
  bounced: number;
  complained: number;
  /** Attempts that were put off. */
  deferred: number;
  failed: number;
}

/** From the best to the worst. */
export const healthLevels = ['healthy', 'warning', 'danger', 'critical'] as const;
export type HealthLevel = (typeof healthLevels)[number];

/** At which level mail of class `digest` waits; `off`: it never does. */
export const digestPauses = ['off', 'warning', 'danger', 'critical'] as const;
export type DigestPause = (typeof digestPauses)[number];

export interface HealthReason {
  /** Points that it takes away. */
  points: number;
  what: string;
  todo: string;
}

export interface Health {
  /** 0 to 100; null while too little was sent to tell. */
  score: number | null;
  word: HealthLevel | 'unknown';
  reasons: HealthReason[];
}

/** Below so many recipients, one bounce would say more than it means. */
const tooFew = 10;

/** The first word whose least score is reached. */
const words = [
  { least: 90, word: 'healthy' },
  { least: 75, word: 'warning' },
  { least: 50, word: 'danger' },
  { least: 0, word: 'critical' },
] as const;

/**
 * How mailbox providers are likely to see a sender. Bounces hurt from 2 % and complaints from 0.1 % on, the limits
 * that large providers publish (Gmail's sender guidelines: complaints below 0.1 %, never 0.3 %).
 */
export function healthOf(figures: MailFigures): Health {
  if (figures.sent < tooFew) return { score: null, word: 'unknown', reasons: [] };
  const rate = (count: number) => count / figures.sent;
  const reasons: HealthReason[] = [];
  const lower = (points: number, what: string, todo: string) => {
    if (points >= 1) reasons.push({ points: Math.round(points), what, todo });
  };
  const share = (part: number) => `${(100 * part).toFixed(part < 0.01 ? 2 : 1)} %`;
  lower(
    excess(rate(figures.bounced), 0.02, 0.1, 50),
    `${share(rate(figures.bounced))} of recipients bounced (at most 2 % is good)`,
    'Mail only addresses that were confirmed, and take bounced ones off your own list.',
  );
  lower(
    excess(rate(figures.complained), 0.001, 0.005, 50),
    `${share(rate(figures.complained))} of recipients complained (at most 0.1 % is good)`,
    'Send only what was asked for, and make it easy to unsubscribe.',
  );
  const putOff = figures.deferred / Math.max(1, figures.deferred + figures.delivered + figures.bounced);
  lower(
    excess(putOff, 0.1, 0.5, 20),
    `${share(putOff)} of attempts were put off`,
    'Look at the reasons in Statistics and at the messages with state deferred; slow down if peers say so.',
  );
  lower(
    excess(rate(figures.failed), 0.01, 0.1, 30),
    `${share(rate(figures.failed))} of recipients failed on our side or expired`,
    'Look at the messages with state failed.',
  );
  const score = Math.max(0, 100 - reasons.reduce((sum, { points }) => sum + points, 0));
  return { score, word: levelOf(score), reasons: reasons.sort((a, b) => b.points - a.points) };
}

function levelOf(score: number): HealthLevel {
  return words.find(({ least }) => score >= least)?.word ?? 'critical';
}

/** The days by which health is judged, today included. */
export const healthDays = 7;

/** So many points above a level's least it is reached from below: figures that waver about a bound change nothing. */
const margin = 5;

/** What is kept of an account's health. */
export interface KeptHealth {
  level: HealthLevel;
  digestPaused: boolean;
}

export interface HealthJudgement extends KeptHealth {
  health: Health;
  /** The owners are to be told: the level is worse than the one they know, or `digest` begins to wait. */
  tells: boolean;
}

/**
 * What follows from an account's figures. A level declines at once, and rises with a margin; while too little is sent to
 * tell it stays, and when nothing was sent it is forgotten. Pure.
 */
export function judgeHealth(before: KeptHealth, figures: MailFigures, pauseAt: DigestPause): HealthJudgement {
  const health = healthOf(figures);
  const level = nextLevel(before.level, health.score, figures.sent);
  const digestPaused = pauseAt !== 'off' && rankOf(level) >= rankOf(pauseAt);
  const declined = rankOf(level) > rankOf(before.level);
  return { level, digestPaused, health, tells: declined || (digestPaused && !before.digestPaused) };
}

function nextLevel(before: HealthLevel, score: number | null, sent: number): HealthLevel {
  if (score === null) return sent === 0 ? 'healthy' : before;
  const level = levelOf(score);
  if (rankOf(level) >= rankOf(before)) return level;
  const sure = levelOf(score - margin);
  return rankOf(sure) < rankOf(before) ? sure : before;
}

function rankOf(level: HealthLevel): number {
  return healthLevels.indexOf(level);
}

/** Figures as the overview and the judgement take them from counters. */
export function mailFigures(counts: {
  accepted: number;
  delivered: number;
  bounced: number;
  complained: number;
  deferred: number;
  failed: number;
  expired: number;
}): MailFigures {
  const { accepted, delivered, bounced, complained, deferred, failed, expired } = counts;
  return { sent: accepted, delivered, bounced, complained, deferred, failed: failed + expired };
}

/** Points for a rate above what is good, growing evenly up to `most` at the rate that is `worst`. */
function excess(rate: number, good: number, worst: number, most: number): number {
  return rate <= good ? 0 : Math.min(1, 0.2 + (0.8 * (rate - good)) / (worst - good)) * most;
}
