import { describe, expect, it } from 'vitest';
import { isGood, Problem, type ProblemCode, problemRow, problems } from '#domain/problem.ts';

describe('the catalogue of problems', () => {
  it('has each code once', () => {
    expect(new Set(problems.map((p) => p.code)).size).toBe(problems.length);
  });

  it.each(problems)('$code has an SMTP reply of its kind: for ever where the caller is at fault', (row) => {
    expect(row.smtp).toMatch(/^[45]\d\d [45]\.\d{1,3}\.\d{1,3}$/);
    const temporary = row.status >= 500 || row.status === 429 || row.code === 'idempotency_in_flight';
    expect(row.smtp.startsWith(temporary ? '4' : '5')).toBe(true);
    expect(row.smtp[0]).toBe(row.smtp.split(' ')[1]?.[0]);
    expect(row.title).not.toBe('');
  });

  // The table of errors in the API's contract.
  it.each([
    ['invalid_body', 400, '550 5.6.0'],
    ['invalid_address', 400, '501 5.1.3'],
    ['unauthorized', 401, '535 5.7.8'],
    ['missing_scope', 403, '550 5.7.1'],
    ['domain_not_allowed', 403, '550 5.7.1'],
    ['idempotency_conflict', 409, '550 5.0.0'],
    ['idempotency_in_flight', 409, '451 4.3.0'],
    ['too_large', 413, '552 5.3.4'],
    ['all_suppressed', 422, '550 5.1.8'],
    ['rate_limit_exceeded', 429, '451 4.7.1'],
    ['internal_error', 500, '451 4.3.0'],
    ['unavailable', 503, '451 4.3.0'],
  ] as const)('%s is %d and %s', (code, status, smtp) => {
    expect(problemRow(code)).toMatchObject({ status, smtp });
  });

  it('does not guess at a code that it does not have', () => {
    expect(() => problemRow('nothing' as ProblemCode)).toThrow();
  });
});

describe('a problem', () => {
  it('is answered with the members of RFC 9457 and those of both dialects', () => {
    const errors = [{ pointer: '/to/0', detail: 'is empty' }];
    const problem = new Problem('invalid_body', '/to/0: is empty', { errors, members: { limit: 5 } });
    expect(problem.status).toBe(400);
    expect(JSON.parse(JSON.stringify(problem))).toEqual({
      type: 'https://pennypost.dev/problems/invalid_body',
      title: 'The request is not valid',
      status: 400,
      detail: '/to/0: is empty',
      code: 'invalid_body',
      error: '/to/0: is empty',
      errors,
      limit: 5,
    });
  });

  it('may put its own word into `error`, as clients expect of a rate limit', () => {
    const problem = new Problem('rate_limit_exceeded', 'Slow down.', {
      members: { error: 'rate_limit_exceeded' },
    });
    expect(problem.toJSON()).toMatchObject({ error: 'rate_limit_exceeded', detail: 'Slow down.' });
  });

  it('is told apart from a good value', () => {
    expect(isGood('value')).toBe(true);
    expect(isGood(new Problem('not_found', ''))).toBe(false);
  });
});
