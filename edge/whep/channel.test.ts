import { expect, test } from 'vitest';

import type { BroadcastInfo } from '#core/bus/catalog.ts';
import { createLocalBus } from '#core/bus/local/local-bus.ts';
import { broadcastId } from '#core/media/frame.ts';
import { wallTime } from '#core/media/time.ts';

import { Channel } from './channel.ts';

const live: BroadcastInfo = { stream: 'cam', broadcast: broadcastId('currentbroadcast'), epoch: 0, state: 'live', startedAt: wallTime(1000), fence: 7 };
const other: BroadcastInfo = { ...live, broadcast: broadcastId('otherbroadcast') };

test('viewers stay with the broadcast that has the highest fence, whatever is said of one that was overtaken', () => {
  const channel = new Channel(createLocalBus(), live);
  channel.announced({ ...other, fence: 6, startedAt: wallTime(9000) });
  channel.announced({ ...other, fence: 7, state: 'ended' });
  expect(channel.info).toEqual(live);
  channel.close();
});

test('viewers go on with the next broadcast, be the one before over or not', () => {
  const channel = new Channel(createLocalBus(), live);
  channel.announced({ ...other, fence: 8 });
  expect(channel.info.broadcast).toBe(other.broadcast);
  channel.announced({ ...other, fence: 8, state: 'ended' });
  channel.announced(live);
  expect(channel.info).toEqual(live);
  channel.close();
});
