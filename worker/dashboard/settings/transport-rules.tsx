import { direct, type TransportRule } from '#domain/delivery/transport.ts';
import { classNames } from '#domain/message/class.ts';
import { Card, Columns } from '../../pages/blocks.tsx';
import { Field, Fields, Post, Select } from '../../pages/forms.tsx';
import type { TransportState } from '../../store/transports.ts';

/** The rules in their order. */
export function Rules({ rules }: { rules: readonly TransportRule[] }) {
  return (
    <table class="cards">
      <Columns names={['Mail', 'Leaves by']} actions />
      <tbody>
        {rules.map((rule, at) => (
          <tr>
            <td class="break">{whatOf(rule)}</td>
            <td class="break" data-label="Leaves by">
              {rule.route.join(', then ')}
            </td>
            <td>
              <Post action="/operator/transports/rules/remove" label="Remove" values={{ at: String(at) }} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function whatOf({ domain, class: name, recipient, provider }: TransportRule): string {
  const parts = [
    name && `${name} mail`,
    domain && `from ${domain}`,
    recipient && `to ${recipient}`,
    provider && `to mailboxes of ${provider}`,
  ].filter(Boolean);
  return parts.length === 0 ? 'all mail' : parts.join(' ');
}

export function NewRule({ transports }: { transports: readonly TransportState[] }) {
  if (transports.length === 0) return null;
  const names = [...transports.map(({ name }) => name), direct];
  const options = names.map((name) => ({ value: name, text: name }));
  return (
    <Card id="new-rule" title="Add a rule">
      <Fields
        action="/operator/transports/rules"
        submit="Add it"
        fieldOf={([first = '']) => (first === 'route' || first === 'rules' ? 'first' : first)}
      >
        <Field
          label="From the domain"
          name="domain"
          maxlength={253}
          hint="Empty: from all."
          required={false}
        />
        <Select
          label="Of the class"
          name="class"
          value=""
          options={[{ value: '', text: 'all' }, ...classNames.map((name) => ({ value: name, text: name }))]}
        />
        <Field
          label="To the domain"
          name="recipient"
          maxlength={253}
          hint="Empty: to all. As gmail.com."
          required={false}
        />
        <Select label="Leaves by" name="first" value={names[0] ?? ''} options={options} />
        <Select
          label="And where that refuses us, by"
          name="second"
          value=""
          options={[{ value: '', text: 'nothing else' }, ...options]}
          hint="The first rule that fits decides; a new one is tried after those there are."
        />
      </Fields>
    </Card>
  );
}

/** All mail of one domain at once, before every other rule. */
export function SwitchDomain({ transports }: { transports: readonly TransportState[] }) {
  if (transports.length === 0) return null;
  const names = [...transports.map(({ name }) => name), direct];
  return (
    <Card id="switch" title="Switch a domain">
      <Fields
        action="/operator/transports/domains"
        submit="Switch it"
        fieldOf={([first = '']) => (first === 'domain' ? 'switched' : 'by')}
      >
        <Field label="Domain" name="switched" maxlength={253} hint="As it signs, for example shop.example." />
        <Select
          label="All its mail leaves by"
          name="by"
          value={names[0] ?? ''}
          options={[
            ...names.map((name) => ({ value: name, text: name })),
            { value: '', text: 'as the other rules say' },
          ]}
          hint="Before every other rule, within half a minute."
        />
      </Fields>
    </Card>
  );
}
