import { RtmpClient } from '#ingest/rtmp/testing/client.ts';

import { readFlv } from './flv-clip.ts';

/**
 * The process of many broadcasters: `node publishers.ts <host> <port> <clip> <seconds> <key,key,...>`. Sends one clip over and over in real time under every key, and tells its
 * parent once all are let in. One process in place of one ffmpeg each, so that the machine measures the server.
 */
const [host = '', port = '', clip = '', seconds = '', keys = ''] = process.argv.slice(2);
const tags = (await readFlv(clip)).filter(({ type }) => type === 8 || type === 9);
const length = (tags.at(-1)?.timestamp ?? 0) + 33;
/** Broadcasters' clocks are not in step. */
const SPREAD_MILLIS = 37;

const clients: RtmpClient[] = [];
for (const key of keys.split(',')) {
  // One after the other: an address may not have any number of connections that have not shown a key yet.
  clients.push(await publish(key));
}
process.send?.('publishing');
clients.forEach((client, i) => play(client, i));
setTimeout(() => process.exit(0), Number(seconds) * 1000);
process.on('disconnect', () => process.exit(0));

async function publish(key: string): Promise<RtmpClient> {
  const client = await RtmpClient.open({ host, port: Number(port) });
  const code = await client.publish(key);
  if (code !== 'NetStream.Publish.Start') {
    throw new Error(`${key}: ${code}`);
  }
  return client;
}

function play(client: RtmpClient, index: number): void {
  const began = performance.now() + index * SPREAD_MILLIS;
  let sent = 0;
  setInterval(() => {
    for (let now = performance.now() - began; ; sent += 1) {
      const tag = tags[sent % tags.length];
      if (tag === undefined) {
        return;
      }
      const round = Math.floor(sent / tags.length);
      const timestamp = round * length + tag.timestamp;
      if (timestamp > now) {
        return;
      }
      // Sequence headers come once: the decoder's configuration does not change.
      if (round > 0 && tag.payload[1] === 0) {
        continue;
      }
      client.send({ type: tag.type, payload: tag.payload, timestamp, streamId: 1, chunkStreamId: tag.type === 9 ? 6 : 4 });
    }
  }, 10);
}
