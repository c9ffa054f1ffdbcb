/** mailauth's SPF evaluation by itself; its declarations cover more than we want to load. Only what we use. */
declare module 'mailauth/lib/spf/index.js' {
  export function spf(options: {
    ip: string;
    helo: string;
    sender: string;
    resolver: (name: string, type: string) => Promise<unknown[]>;
    strict: boolean;
  }): Promise<{ status: { result: string; comment?: string } }>;
}
