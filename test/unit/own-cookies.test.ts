import { describe, expect, it } from 'vitest';
import { ownCookies } from '../../worker/http/own-cookies.ts';

describe('cookies of this service', () => {
  it('are found among others, as they were sent', () => {
    expect(ownCookies('a=1; pennypost.session_token=x.y%3D; b=2;pennypost.device=z')).toBe(
      'pennypost.session_token=x.y%3D; pennypost.device=z',
    );
    expect(ownCookies('__Secure-pennypost.session_token=x')).toBe('__Secure-pennypost.session_token=x');
    expect(ownCookies('xpennypost.a=1; a=pennypost.b=2')).toBe('');
    expect(ownCookies('')).toBe('');
  });

  it('are sixteen at most, however many are sent', () => {
    const many = Array.from({ length: 700 }, (_, i) => `pennypost.c${i}=${i}`).join('; ');
    expect(ownCookies(many).split('; ')).toHaveLength(16);
  });
});
