import { afterEach, beforeEach, expect, test } from 'vitest';

import { offerText } from '#core/rtc/sdp/testing/offers.ts';
import { startPublisher } from '#test/support/publisher.ts';
import { startServer, type TestServer } from '#test/support/server.ts';
import { until } from '#test/support/until.ts';
import { ask, codeOf, created, type Answer } from './ask.ts';
import { startCamera, type Camera } from './camera.ts';
import { connect, type Client } from './client.ts';

const KEY = 'cam_conformance-0123456789';
/** Well below the 20 s after which a client that vanished is found out by its checks. */
const SOON = { deadline: 6000, every: 100 };

let server: TestServer;
let cameras: Camera[];

beforeEach(async () => {
  cameras = [];
  server = await startServer({ config: { streamKeys: [KEY], ladder: 'source' } });
});

afterEach(async () => {
  cameras.forEach((camera) => camera.stop());
  await server[Symbol.asyncDispose]();
});

const publish = (offer: string): Promise<Answer> => ask('POST', `${server.url}/whip`, { body: offer, headers: { 'content-type': 'application/sdp', 'authorization': `Bearer ${KEY}` } });

/** A WHIP publisher that sends; it asks until it is let in. */
async function come(): Promise<Client & { readonly camera: Camera }> {
  const client = await connect(offerText('wrtc-0.10-whip'), async (offer) => {
    const answer = await until('the stream to be free', async () => {
      const given = await publish(offer);
      if (given.status !== 201) {
        throw new Error(`${given.status}: ${given.body}`);
      }
      return given;
    }, SOON);
    return created(answer, server.url);
  });
  const camera = startCamera(client.peer);
  cameras.push(camera);
  return { ...client, camera };
}

type Broadcast = { readonly state: string; readonly broadcast: string };
const cam = async (): Promise<Broadcast> => JSON.parse((await ask('GET', `${server.url}/api/v1/streams/cam`)).body) as Broadcast;
const live = (): Promise<Broadcast> => until('the broadcast', async () => {
  const now = await cam();
  return now.state === 'live' ? now : undefined;
});
/** Epochs that began, as the server's log has them. */
const epochs = (): readonly number[] => [...server.log().matchAll(/"epoch":(\d+).*"msg":"an epoch begins"/g)].map(([, epoch]) => Number(epoch));

async function refused(): Promise<void> {
  const answer = await publish(offerText('wrtc-0.10-whip'));
  expect([answer.status, codeOf(answer), answer.headers.get('retry-after')]).toEqual([409, 'ingest/stream-busy', '2']);
}

test('who has vanished gives way after two seconds of silence, and the broadcast goes on with the next epoch', async () => {
  const first = await come();
  const { broadcast } = await live();
  await refused();
  first.camera.stop();
  first.peer.vanish();
  await refused();
  const second = await come();
  expect((await ask('GET', first.session.url)).status).toBe(404);
  await until('the next epoch', () => epochs().includes(1));
  expect(await live()).toMatchObject({ broadcast });
  await refused();
  expect((await ask('DELETE', second.session.url)).status).toBe(200);
  await until('the end', async () => (await cam()).state === 'interrupted');
});

test('who is connected but sends nothing gives way too, is told so by DTLS, and what still comes of it changes nothing', async () => {
  const first = await come();
  await live();
  first.camera.stop();
  const second = await come();
  // What was on its way when the server said goodbye.
  first.camera.send(30);
  await first.peer.closed;
  await until('the next epoch', () => epochs().includes(1));
  const third = await publish(offerText('wrtc-0.10-whip'));
  expect(third.status).toBe(409);
  expect((await ask('GET', second.session.url)).status).toBe(204);
  expect(epochs()).toEqual([0, 1]);
  await second.peer.close();
});

test('a client that asked and never came gives way as well', async () => {
  const session = created(await publish(offerText('wrtc-0.10-whip')), server.url);
  await refused();
  const { peer } = await come();
  expect((await ask('GET', session.url)).status).toBe(404);
  await live();
  await peer.close();
});

test('an RTMP publisher that has fallen silent gives way to WHIP, and WHIP to RTMP', async () => {
  await using rtmp = startPublisher({ url: server.publishUrl(KEY), size: '320x180' });
  const { broadcast } = await live();
  await refused();
  rtmp.process.kill('SIGSTOP');
  const { peer, camera } = await come();
  await until('the next epoch', () => epochs().includes(1));
  camera.stop();
  peer.vanish();
  rtmp.process.kill('SIGCONT');
  await rtmp.kill();
  const again = await until('RTMP to be let in', async () => {
    const publisher = startPublisher({ url: server.publishUrl(KEY), size: '320x180' });
    const begun = await Promise.race([publisher.exited.then(() => false), until('the third epoch', () => epochs().includes(2)).then(() => true, () => false)]);
    if (!begun) {
      await publisher.kill();
      throw new Error(publisher.log());
    }
    return publisher;
  });
  expect(await live()).toMatchObject({ broadcast });
  await again.stop();
});
