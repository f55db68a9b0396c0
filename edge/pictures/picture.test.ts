import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { expect, onTestFinished, test } from 'vitest';

import { getter, type Answer } from '../http/testing/edge.ts';
import { pictureOf, sendPicture } from './picture.ts';

const picture = pictureOf(Buffer.from('a JPEG'));

async function ask(options: Parameters<ReturnType<typeof getter>>[1] = {}): Promise<Answer> {
  const server = createServer((request, response) => void sendPicture(request, response, picture, 'max-age=5'));
  onTestFinished(() => void server.close());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return getter((server.address() as AddressInfo).port)('/', options);
}

test('a picture comes with its tag, for pages of any origin', async () => {
  const { status, headers, text } = await ask();
  expect([status, text]).toEqual([200, 'a JPEG']);
  expect(headers).toMatchObject({ 'content-type': 'image/jpeg', 'content-length': '6', 'cache-control': 'max-age=5', 'access-control-allow-origin': '*', etag: picture.etag });
});

test('HEAD gets the headers alone', async () => {
  const { status, headers, text } = await ask({ method: 'HEAD' });
  expect([status, text, headers['content-length']]).toEqual([200, '', '6']);
});

test.each([
  ['its tag', picture.etag, 304],
  ['its tag among others', `"other", ${picture.etag}`, 304],
  ['its tag, made weak by a cache that compresses', `W/${picture.etag}`, 304],
  ['any tag', '*', 304],
  ['another tag', '"other"', 200],
])('who has a picture with %s is answered %3$i (RFC 9110, 13.1.2)', async (_what, tag, status) => {
  const answer = await ask({ headers: { 'If-None-Match': tag } });
  expect([answer.status, answer.headers.etag, answer.headers['cache-control']]).toEqual([status, picture.etag, 'max-age=5']);
  expect(answer.text).toBe(status === 304 ? '' : 'a JPEG');
});

test('another picture has another tag', () => {
  expect(pictureOf(Buffer.from('another')).etag).not.toBe(picture.etag);
});
