import { expect, test } from 'vitest';

import { authorizer } from './authorize.ts';

const token = 'A1-_'.repeat(10);

test.each([
  [undefined, 'none'],
  [`Bearer ${token}`, 'token'],
  [`bearer  ${token} `, 'token'],
  [`Bearer ${token}x`, 'wrong'],
  [`Bearer ${token.slice(1)}`, 'wrong'],
  ['Bearer', 'wrong'],
  ['', 'wrong'],
  [`Basic ${token}`, 'wrong'],
  [token, 'wrong'],
  [`Bearer ${token}, Bearer ${token}`, 'wrong'],
])('Authorization %j gives %s', (authorization, result) => {
  expect(authorizer(token)({ headers: authorization === undefined ? {} : { authorization } })).toBe(result);
});
