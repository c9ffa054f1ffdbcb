import { mailSettingsChange, mailSettingsView } from '#domain/message/mail-settings.ts';
import { jsonProblems, type OperationGroup } from './operation.ts';

export const settings: OperationGroup = {
  name: 'Settings',
  about: 'What the account has decided for its mail.',
  operations: [
    {
      id: 'getSettings',
      method: 'get',
      path: '/v1/settings',
      summary: 'Read the settings',
      about: 'What holds for messages that do not ask for something else.',
      answer: { status: 200, about: 'The settings', schema: mailSettingsView.meta({ id: 'Settings' }) },
      problems: [],
    },
    {
      id: 'changeSettings',
      method: 'patch',
      path: '/v1/settings',
      summary: 'Change the settings',
      about: 'Fields that are left out stay. It holds for messages from now on.',
      body: { type: 'application/json', schema: mailSettingsChange.meta({ id: 'SettingsChange' }) },
      answer: {
        status: 200,
        about: 'The settings as they are now',
        schema: mailSettingsView.meta({ id: 'Settings' }),
      },
      problems: jsonProblems,
    },
  ],
};
