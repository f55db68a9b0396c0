/**
 * A transcoder in a process of its own: `transcoder-process.ts <url of NATS> <node>`. Tells of itself each second; SIGTERM has it hand over what it has.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Registry } from 'prom-client';

import { connectNats } from '#core/bus/nats/connect.ts';
import { millis, wallTime } from '#core/media/time.ts';
import { startTranscode } from '#transcode/main.ts';
import { testLog, transcodeConfig } from './settings.ts';

const [url = '', node = ''] = process.argv.slice(2);
const log = testLog.child({ node });
const dataDir = await mkdtemp(join(tmpdir(), 'millrace-transcoder-'));
const bus = await connectNats({ url, node, log });
const ladder = [
  { height: 144, bitrate: 200_000 },
  { height: 96, bitrate: 100_000 },
];
const stage = await startTranscode({ config: await transcodeConfig({ dataDir, transcodeCapacity: 1000, ladder, webrtcRenditions: 'on' }), bus, log, metrics: new Registry(), node });
let draining = false;
const tell = (): void => bus.present({ node, roles: ['transcode'], version: 'test', startedAt: wallTime(Date.now()), draining, transcode: stage.load });
const timer = setInterval(tell, 500);
tell();

process.once('SIGTERM', () => {
  const leave = async (): Promise<void> => {
    draining = true;
    tell();
    await stage.drain(millis(10_000));
    clearInterval(timer);
    await stage.close();
    await bus.close();
    await rm(dataDir, { recursive: true });
  };
  void leave();
});
