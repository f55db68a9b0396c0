import { describe, expect, it } from 'vitest';

import { clientCertificate } from '#core/rtc/testing/client-dtls.ts';
import { testCredentials } from '#core/rtc/testing/peer.ts';
import { startPublisher } from '#test/support/publisher.ts';
import { startServer } from '#test/support/server.ts';
import { until } from '#test/support/until.ts';

import { peerOffer } from './offers.ts';
import { postOffer } from './sessions.ts';

const key = 'honest_0123456789abcdef';

describe('sessions that nobody comes to', () => {
  // The transport lets the oldest of them go after 2 s; the edge counts them as viewers for 30.
  it('give way to viewers where they are as many as there may be viewers', { timeout: 60_000 }, async () => {
    await using server = await startServer({ config: { streamKeys: [key], ladder: 'source', maxWhepViewers: 5 } });
    await using _publisher = startPublisher({ url: server.publishUrl(key), size: '160x90', kilobits: 100 });
    const { fingerprint } = await clientCertificate();
    const ask = async (): Promise<number> =>
      (await postOffer(server.url, { stream: 'honest' }, peerOffer({ ice: testCredentials(), fingerprint, direction: 'recvonly', feedback: 'none' }))).status;
    await until('the broadcast', async () => (await ask()) === 201);
    await until('the server to be full', async () => (await ask()) === 503);
    expect(await until('room', async () => (await ask()) === 201, { deadline: 8000 })).toBe(true);
  });
});
