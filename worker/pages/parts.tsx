import type { Child, PropsWithChildren } from 'hono/jsx';
import type { DeliveryState } from '#domain/delivery/delivery.ts';

/** A colour by what it means. */
export type Tone = 'good' | 'wait' | 'warn' | 'bad' | 'quiet';

export const stateTone: Record<DeliveryState, Tone> = {
  scheduled: 'wait',
  queued: 'wait',
  sending: 'wait',
  deferred: 'warn',
  delivered: 'good',
  bounced: 'bad',
  failed: 'bad',
  suppressed: 'warn',
  canceled: 'quiet',
  simulated: 'quiet',
};

export function State({ tone, children }: PropsWithChildren<{ tone: Tone }>) {
  return <span class={`state ${tone}`}>{children}</span>;
}

export function DeliveryStateOf({ state }: { state: DeliveryState }) {
  return <State tone={stateTone[state]}>{state}</State>;
}

/** A subject as a list shows it; what is nothing to see has a name. */
export function subjectText(subject: string): string {
  return /[^\p{White_Space}\p{C}\p{M}]/u.test(subject) ? subject : '(no subject)';
}

/** Text of others in one line, cut with the whole on hover; its direction is its own (Unicode UAX 9, isolates). */
export function Cut({ text }: { text: string }) {
  return (
    <bdi class="cut" title={text}>
      {text}
    </bdi>
  );
}

/** A link whose text is of others: up to two lines, whole on hover and focus. */
export function Titled({ href, text }: { href: string; text: string }) {
  return (
    <a href={href} title={text} class="clamp">
      <bdi>{text}</bdi>
    </a>
  );
}

/** The badge of mail that counts in no figure. */
export function Simulated({ testMode = false }: { testMode?: boolean }) {
  return (
    <span class="tag" title="Counts in no figure">
      {testMode ? 'test' : 'simulated'}
    </span>
  );
}

/** A time: UTC as it is written here, in the viewer's zone once the script has run; the exact time on hover. */
export function Time({ ms, as = 'short' }: { ms: number; as?: 'short' | 'clock' | 'ago' }) {
  const iso = new Date(ms).toISOString();
  const text = as === 'clock' ? iso.slice(11, 23) : iso.slice(0, 16).replace('T', ' ');
  return (
    <time datetime={iso} title={iso} data-as={as}>
      {`${text} UTC`}
    </time>
  );
}

export function Note({ tone, children }: PropsWithChildren<{ tone: Tone }>) {
  return (
    <div class={`note ${tone}`} role={tone === 'bad' ? 'alert' : 'status'}>
      {children}
    </div>
  );
}

/** What a list says when there is nothing in it: why, and what to do next. */
export function Empty({ title, children }: PropsWithChildren<{ title: string }>) {
  return (
    <div class="empty">
      <h2>{title}</h2>
      {children}
    </div>
  );
}

/** A number with what it is of; inside of a `dl.figures`. */
export function Figure({ name, value, more }: { name: string; value: string; more: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        {value} <small>{more}</small>
      </dd>
    </div>
  );
}

export function Head({
  title,
  lead,
  crumb,
  children,
}: PropsWithChildren<{ title: string; lead?: Child; crumb?: { href: string; text: string } }>) {
  return (
    <header class="head">
      {crumb && (
        <p class="crumb">
          <a href={crumb.href}>← {crumb.text}</a>
        </p>
      )}
      <h1>
        <bdi>{title}</bdi>
      </h1>
      {children}
      {lead && <p class="lead">{lead}</p>}
    </header>
  );
}

/** A button that copies an element's text; it shows itself only when the script can do it. */
export function Copy({ of, label = 'Copy', what }: { of: string; label?: string; what: string }) {
  return (
    <button type="button" class="small copy" data-copy={of} hidden>
      <span>{label}</span>
      <span class="visually-hidden"> {what}</span>
    </button>
  );
}

export function Code({ id, what, text, wrap }: { id: string; what: string; text: string; wrap?: boolean }) {
  return (
    <div class={wrap ? 'code wrap' : 'code'}>
      <section tabindex={0} aria-label={what}>
        <pre id={id}>{text}</pre>
      </section>
      <Copy of={id} what={what} />
    </div>
  );
}

/** What is shown only once, on the page that answers its making. */
export function Secret({
  title,
  what,
  text,
  about,
}: {
  title: string;
  what: string;
  text: string;
  about: string;
}) {
  return (
    <section class="secret" aria-labelledby="secret-head">
      <h2 id="secret-head">{title}</h2>
      <div class="with-copy">
        <code id="secret">{text}</code>
        <Copy of="secret" what={what} />
      </div>
      <p>Keep it now: it is shown this once. {about}</p>
    </section>
  );
}

const counted = new Intl.NumberFormat('en');

/** A number as people read it. */
export function number(value: number): string {
  return counted.format(value);
}

export function percent(part: number, whole: number, digits = 1): string {
  return whole === 0 ? '–' : `${((100 * part) / whole).toFixed(part === whole ? 0 : digits)} %`;
}

/** A duration in its two largest units. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (ms < 1000) return `${Math.max(0, Math.round(ms))} ms`;
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
  return `${Math.floor(seconds / 86_400)} d ${Math.floor((seconds % 86_400) / 3600)} h`;
}

export function bytes(size: number): string {
  if (size < 1024) return `${size} B`;
  if (size < 1024 * 1024) return `${(size / 1024).toFixed(1)} KiB`;
  return `${(size / 1024 / 1024).toFixed(1)} MiB`;
}
