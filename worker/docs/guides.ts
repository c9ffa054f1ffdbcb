import { once } from '../http/once.ts';
import { type RenderedGuide, renderGuide } from './render-guide.ts';
import { text as apiAtAGlance } from './text/api-at-a-glance.ts';
import { text as clients } from './text/clients.ts';
import { text as deploy } from './text/deploy.ts';
import { text as development } from './text/development.ts';
import { text as domains } from './text/domains.ts';
import { text as errors } from './text/errors.ts';
import { text as fromCloudmailin } from './text/from-cloudmailin.ts';
import { text as fromPostmark } from './text/from-postmark.ts';
import { text as fromPostscale } from './text/from-postscale.ts';
import { text as fromResend } from './text/from-resend.ts';
import { text as howItWorks } from './text/how-it-works.ts';
import { text as limits } from './text/limits.ts';
import { text as moving } from './text/moving.ts';
import { text as noPort25 } from './text/no-port-25.ts';
import { text as operate } from './text/operate.ts';
import { text as quickStart } from './text/quick-start.ts';
import { text as receiving } from './text/receiving.ts';
import { text as security } from './text/security.ts';
import { text as sending } from './text/sending.ts';
import { text as settings } from './text/settings.ts';
import { text as troubleshooting } from './text/troubleshooting.ts';
import { text as webhooks } from './text/webhooks.ts';

/** A guide: `worker/docs/<slug>.md`, shown at `/docs/<slug>`. */
export interface Guide {
  slug: string;
  /** What its first heading says. */
  title: string;
  /** Rendered when first asked for. */
  page: () => RenderedGuide;
}

function guide(slug: string, text: string): Guide {
  return { slug, title: /^# (.+)$/m.exec(text)?.[1] ?? slug, page: once(() => renderGuide(text)) };
}

/** All guides, in the order of the menu. */
export const guideGroups: readonly { name: string; guides: readonly Guide[] }[] = [
  {
    name: 'Use it',
    guides: [
      guide('quick-start', quickStart),
      guide('domains', domains),
      guide('sending', sending),
      guide('receiving', receiving),
      guide('webhooks', webhooks),
      guide('clients', clients),
      guide('errors', errors),
      guide('limits', limits),
      guide('moving', moving),
      guide('from-resend', fromResend),
      guide('from-postmark', fromPostmark),
      guide('from-postscale', fromPostscale),
      guide('from-cloudmailin', fromCloudmailin),
      guide('troubleshooting', troubleshooting),
      guide('api-at-a-glance', apiAtAGlance),
    ],
  },
  {
    name: 'Run it',
    guides: [
      guide('deploy', deploy),
      guide('operate', operate),
      guide('no-port-25', noPort25),
      guide('settings', settings),
      guide('security', security),
    ],
  },
  {
    name: 'Understand it',
    guides: [guide('how-it-works', howItWorks), guide('development', development)],
  },
];

export const guides: readonly Guide[] = guideGroups.flatMap((group) => group.guides);
