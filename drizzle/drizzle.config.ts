import { defineConfig } from 'drizzle-kit';

export default defineConfig({
  dialect: 'sqlite',
  schema: ['./drizzle/schema/control.ts', './drizzle/schema/auth.ts'],
  out: './drizzle/migrations',
});
