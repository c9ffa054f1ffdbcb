import { z } from 'zod';

/** How long the content of a message is kept after the day on which it is first due, in days. */
export const contentDays = {
  /** Delivery may be tried for so long, and needs the content. */
  least: 3,
  most: 30,
} as const;

/** What an account has decided for all of its mail. */
export interface MailSettings {
  trackOpens: boolean;
  trackClicks: boolean;
  unsubscribe: boolean;
  contentDays: number;
}

/** The choices of an account: one table; the API, the dashboard and the documentation derive from it. */
export const mailSettings = [
  {
    name: 'track_opens',
    property: 'trackOpens',
    label: 'Track opens',
    default: false,
    about:
      'Puts a picture of one pixel at the end of the HTML: you learn when, and with which program, each recipient opened it.',
    schema: z.boolean(),
  },
  {
    name: 'track_clicks',
    property: 'trackClicks',
    label: 'Track clicks',
    default: false,
    about:
      'Leads the links of the HTML through this service: you learn which of them each recipient followed.',
    schema: z.boolean(),
  },
  {
    name: 'unsubscribe',
    property: 'unsubscribe',
    label: 'Offer one-click unsubscribe',
    default: false,
    about:
      'Adds List-Unsubscribe fields (RFC 8058): mail programs show a button, and whoever uses it gets no more mail from that domain, or of what `unsubscribe_scope` of a message says.',
    schema: z.boolean(),
  },
  {
    name: 'content_days',
    property: 'contentDays',
    label: 'Days to keep the content of messages',
    default: contentDays.least,
    about: `How long you can look at a message or send it again: ${contentDays.least} to ${contentDays.most} days after the day on which it is first due. Fewer are not offered, since delivery may be tried for ${contentDays.least} days. Messages that are there already keep the time that they had.`,
    schema: z
      .int(`must be a whole number of days, ${contentDays.least} to ${contentDays.most}`)
      .min(contentDays.least, `must be at least ${contentDays.least}`)
      .max(contentDays.most, `must be at most ${contentDays.most}`),
  },
] as const satisfies readonly {
  name: string;
  property: keyof MailSettings;
  label: string;
  default: boolean | number;
  about: string;
  schema: z.ZodType;
}[];

const [trackOpens, trackClicks, unsubscribe, keptDays] = mailSettings;

/** The settings as the API shows them. */
export const mailSettingsView = z.strictObject({
  track_opens: trackOpens.schema.meta({ description: trackOpens.about }),
  track_clicks: trackClicks.schema.meta({ description: trackClicks.about }),
  unsubscribe: unsubscribe.schema.meta({ description: unsubscribe.about }),
  content_days: keptDays.schema.meta({ description: keptDays.about }),
});

/** Body of `PATCH /v1/settings`: what is left out stays. */
export const mailSettingsChange = mailSettingsView
  .partial()
  .refine((change) => Object.values(change).some((value) => value !== undefined), {
    message: `at least one of ${mailSettings.map(({ name }) => name).join(', ')} is required`,
  });
