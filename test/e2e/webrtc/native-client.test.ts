import { describe, expect, it } from 'vitest';

import { publishNatively, watchNatively } from '#test/support/native-webrtc.ts';
import { startPublisher } from '#test/support/publisher.ts';
import { startServer } from '#test/support/server.ts';
import { until } from '#test/support/until.ts';

const key = 'cam_0123456789abcdef';

describe('libwebrtc outside a browser, as a second opinion', () => {
  it('publishes over WHIP and watches over WHEP, picture and sound', async () => {
    await using server = await startServer({ config: { streamKeys: [key], ladder: 'source' } });
    const publisher = await publishNatively({ url: `${server.url}/whip`, key });
    const viewer = await until('a viewer to be let in', () => watchNatively(`${server.url}/whep/cam`).catch(() => undefined));
    await until('pictures', () => viewer.pictures > 30);
    for (const luma of [40, 200]) {
      publisher.paint(luma);
      await until(`a picture of luma ${luma}`, () => Math.abs((viewer.luma ?? 0) - luma) < 12);
    }
    // A sine of half of full scale has a root mean square of 0.35; the codec's own loss is far below the margin.
    await until('the tone at its level', () => Math.abs((viewer.loudness ?? 0) - 0.3535) < 0.07);
    await viewer.stop();
    await publisher.stop();
    await until('the stream to be off air', async () => (await fetch(`${server.url}/whep/cam`, { method: 'POST', headers: { 'content-type': 'application/sdp' }, body: 'v=0' })).status === 409);
  });

  it('is told that no picture fits where the source is H.264, which it does not have', async () => {
    await using server = await startServer({ config: { streamKeys: [key], ladder: 'source' } });
    await using _publisher = startPublisher({ url: server.publishUrl(key), media: 'video' });
    const refusal = await until('an answer that is not "off air"', async () => {
      const said = await watchNatively(`${server.url}/whep/cam`).then(() => 'let in', (error: Error) => error.message);
      return / 409: /.test(said) ? undefined : said;
    });
    expect(refusal).toMatch(/ answered 422: .*whep\/no-codec/);
  });
});
