import { openApi } from '../api.ts';
import { type Command, text } from '../command.ts';
import { Fault } from '../fault.ts';
import { plain } from '../print.ts';
import { baseUrl, forgetProfile, keepProfile } from '../profile.ts';
import { ownKey } from './keys.ts';

export const login: Command = {
  name: 'login',
  about: 'keeps the address and a key, which is read from standard input, for your user alone',
  options: { url: { type: 'string', value: 'URL', about: 'where the API is' } },
  async run({ values, input, environment }) {
    const given = text(values, 'url') ?? environment.PENNYPOST_URL;
    if (given === undefined) throw new Fault('Say where: login --url https://…');
    const url = baseUrl(given);
    const key = (await input('Key: ')).trim();
    if (!/^pp_(?:live|test)_\w+$/.test(key)) throw new Fault('A key begins with pp_live_ or pp_test_.');
    const found = await openApi({ url, key }).ask('GET', '/v1/credential', ownKey);
    const path = await keepProfile(environment, { url, key });
    const json = {
      url,
      path,
      username: found.username,
      environment: found.environment,
      scopes: found.scopes,
    };
    return { json, text: plain(`${url} takes the key (${found.scopes.join(', ')}); it is kept in ${path}`) };
  },
};

export const logout: Command = {
  name: 'logout',
  about: 'forgets what login has kept',
  async run({ environment }) {
    const path = await forgetProfile(environment);
    return { json: { path }, text: plain(`${path} is gone`) };
  },
};
