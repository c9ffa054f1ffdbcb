import type { CheckRow } from '#domain/dns/domain-state.ts';
import { type HealthJudgement, healthDays } from '#domain/limits/health.ts';

/** Mail of the installation itself. */
export interface SystemMail {
  subject: string;
  text: string;
}

/** A browser keeps what stands behind the # to itself; where it fills in nothing, people do. */
const byHand = 'Should the page ask for a code, it is what stands behind the # of the link.';

const closing = 'If you did not ask for this, leave it; nothing happens.\n';

export function signInMail(url: string): SystemMail {
  return {
    subject: 'Your sign-in link',
    text: `Open this link to sign in to Pennypost. It works once, for ten minutes.\n\n${url}\n\n${byHand}\n\n${closing}`,
  };
}

export function resetMail(url: string): SystemMail {
  return {
    subject: 'Choose a new password',
    text: `Open this link to choose a new password for Pennypost. It works once, for an hour.\n\n${url}\n\n${byHand}\n\n${closing}`,
  };
}

/** Somebody has tried passwords. @param source '' when it is not known */
export function signInTriesMail(tries: number, source: string): SystemMail {
  const from = source === '' ? '' : `, the last from ${source}`;
  return {
    subject: 'Somebody tries to sign in as you',
    text: `A wrong password was given for your address ${tries} times within a quarter of an hour${from}.\n\nNobody has come in by that. Browsers that you have signed in with before let you in as ever; in a new one, a passkey or a sign-in link does, should the password be refused for a while.\n\nIf it was not you: have a long password that you use nowhere else, and switch on two-factor sign-in.\n`,
  };
}

export function invitationMail(of: {
  url: string;
  inviter: string;
  account: string;
  role: string;
}): SystemMail {
  return {
    subject: `${of.inviter} invites you to ${of.account}`,
    text: `${of.inviter} invites you to the account “${of.account}” of Pennypost, as ${of.role}.\n\nAccept within seven days:\n\n${of.url}\n\n${byHand}\n`,
  };
}

/** An account wants to send mail on to this address. */
export function destinationMail(account: string, url: string): SystemMail {
  return {
    subject: 'May mail be sent on to you?',
    text: `The account “${account}” of Pennypost wants to send mail that comes to its addresses on to this one. Nothing is sent before you agree.\n\nTo agree, open this link within seven days. It works once:\n\n${url}\n\nIf you do not know why, leave it; nothing happens.\n`,
  };
}

/** A domain was verified and is so no longer. @param rows what was found of its records */
export function domainLostMail(domain: string, reason: string | null, rows: readonly CheckRow[]): SystemMail {
  const wrong = rows.filter(({ status, need }) => need === 'required' && status !== 'ok');
  const records = wrong.map(
    ({ type, name, expected, fix }) =>
      `  ${name}  ${type}  ${expected}\n${fix === null ? '' : `    ${fix}\n`}`,
  );
  return {
    subject: `${domain} is not verified any more`,
    text: [
      `Mail of ${domain} is refused from now on${reason === null ? '.' : `: ${reason}`}\n`,
      ...(records.length === 0
        ? []
        : [`These records are missing or wrong. Put them right at its DNS provider:\n`, ...records]),
      'The records are looked at again by themselves; “Verify now” on the page of the domain looks at once.\n',
    ].join('\n'),
  };
}

/** The sender health of an account has declined, or its `digest` waits from now on. */
export function healthMail(account: string, { level, digestPaused, health }: HealthJudgement): SystemMail {
  const reasons = health.reasons.map(({ points, what, todo }) => `  −${points}  ${what}\n      ${todo}\n`);
  const score = health.score === null ? '' : `: ${health.score} of 100`;
  return {
    subject: `The sender health of ${account} is ${level}`,
    text: [
      `The account “${account}” of Pennypost has the sender health “${level}”${score}, by its mail of the last ${healthDays} days. That is how mailbox providers are likely to see it: the lower it is, the more of it they put off, refuse or put into spam.\n`,
      ...(reasons.length === 0 ? [] : ['What lowers it:\n', ...reasons]),
      ...(digestPaused
        ? [
            'Mail of class digest waits from now on, and goes out by itself once the health is better. All other mail goes out as ever.\n',
          ]
        : []),
      'The Overview shows how it goes on. There is another mail only when it declines again.\n',
    ].join('\n'),
  };
}

/** A webhook endpoint gets nothing any more. */
export function webhookDisabledMail(url: string, reason: string): SystemMail {
  const { origin, pathname } = new URL(url); // its query may hold a secret
  return {
    subject: 'A webhook endpoint is disabled',
    text: `Nothing is posted to ${origin}${pathname} any more.\n\n${reason}\n\nIts events wait. Put the endpoint right and enable it on the page Webhooks; they follow then.\n`,
  };
}
