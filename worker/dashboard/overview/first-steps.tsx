import { Card } from '../../pages/blocks.tsx';
import { State } from '../../pages/parts.tsx';
import type { Credential } from '../../store/accounts.ts';
import type { Domain } from '../../store/domains.ts';
import type { Endpoint } from '../../store/webhook-endpoints.ts';

interface Progress {
  /** A message was accepted. */
  sent: boolean;
  domains: readonly Domain[];
  keys: readonly Credential[];
  endpoints: readonly Endpoint[];
}

/** The way from nothing to a program that sends, each step with where it is done; nothing once all are done. */
export function FirstSteps(progress: Progress) {
  const steps = stepsOf(progress);
  const next = steps.find(({ done }) => !done);
  if (!next) return null;
  return (
    <Card id="first" title="First steps">
      <ol class="first-steps">
        {steps.map((step) => (
          <li class={step === next ? 'next' : undefined}>
            <State tone={step.done ? 'good' : step === next ? 'wait' : 'quiet'}>
              {step.done ? 'done' : step === next ? 'next' : 'to do'}
            </State>
            <div>
              <a href={step.href}>{step.text}</a>
              {!step.done && <p class="small quiet">{step.about}</p>}
            </div>
          </li>
        ))}
      </ol>
    </Card>
  );
}

function stepsOf({ sent, domains, keys, endpoints }: Progress) {
  const pending = domains.find(({ status }) => status === 'pending');
  const living = keys.filter(({ revokedAtMs }) => revokedAtMs === null);
  return [
    {
      text: 'Send a test message and watch it travel',
      about: 'It needs no domain: it goes to a mailbox that is simulated.',
      href: '/sending#test',
      done: sent,
    },
    {
      text: 'Add the domain that you send from',
      about: 'The part behind the @ of your sender address.',
      href: '/domains#add',
      done: domains.length > 0,
    },
    {
      text: 'Publish its DNS records',
      about: 'Two are enough. They are found by themselves, or at once when you ask.',
      href: pending ? `/domains/${pending.id}#records` : '/domains',
      done: domains.some(({ status }) => status === 'verified'),
    },
    {
      text: 'Make a key for your program',
      about: 'The same key sends by HTTP and by SMTP.',
      href: '/sending?make=key#keys',
      done: living.length > 0,
    },
    {
      text: 'Send from your code',
      about: 'Ready to paste in ten languages, and as settings of Laravel, Django and Rails.',
      href: '/sending#snippets',
      done: living.some(({ lastUsedAtMs }) => lastUsedAtMs !== null),
    },
    {
      text: 'Have your program told what happens',
      about: 'A webhook for deliveries, bounces and complaints.',
      href: '/webhooks#add',
      done: endpoints.length > 0,
    },
  ];
}
