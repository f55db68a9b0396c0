import { expect, test } from 'vitest';

import { loadVector } from '#test/vectors/load.ts';

import { MemoryArchive } from '../../archive/testing/memory-archive.ts';
import { videoConfig } from '../../cmaf/testing/frames.ts';
import { AUDIO, recorded } from '../../recordings/testing/recorded.ts';
import { INFO, seconds } from '../testing/kept.ts';
import { tilesAfter, tileSize } from './tiles.ts';

const big = { ...videoConfig, width: 1280, height: 720 };

function broadcastOf(...frames: Parameters<ReturnType<MemoryArchive['keep']>['package']>[0][]) {
  const broadcast = new MemoryArchive().keep(INFO);
  frames.forEach((some) => broadcast.package(some));
  return broadcast;
}

const groups = (tiles: ReturnType<typeof tilesAfter>): number[] => tiles.map(({ group }) => group);

test('the first segment of every ten seconds of media has a tile, of the smallest rendition', () => {
  const broadcast = broadcastOf([...seconds(3, 42, { track: 'video', config: big }), ...seconds(3, 42)]);
  const tiles = tilesAfter(broadcast, undefined);
  expect(groups(tiles)).toEqual([3, 10, 20, 30, 40]);
  expect(new Set(tiles.map(({ track }) => track))).toEqual(new Set(['v360']));
});

test('where the smallest rendition was left out, the next one gives the tile', () => {
  const broadcast = broadcastOf([...seconds(0, 49, { track: 'video', config: big }), ...seconds(0, 25)]);
  expect(tilesAfter(broadcast, undefined).map(({ group, track }) => `${group} ${track}`)).toEqual(['0 v360', '10 v360', '20 v360', '30 video', '40 video']);
});

test('a new epoch begins with a tile of its own', () => {
  const broadcast = broadcastOf(seconds(0, 12), seconds(500, 515, { epoch: 1, offset: -480 }));
  expect(tilesAfter(broadcast, undefined).map(({ group, epoch, place }) => [group, epoch, place])).toEqual([[0, 0, 0], [10, 0, 1], [500, 1, 2], [510, 1, 3]]);
});

test('tiles behind another are those of later places, whatever became of its segment', () => {
  const broadcast = broadcastOf(seconds(0, 45));
  const all = tilesAfter(broadcast, undefined);
  expect(groups(tilesAfter(broadcast, all[2]))).toEqual([30, 40]);
  expect(groups(tilesAfter(broadcast, all.at(-1)))).toEqual([]);
  broadcast.tracks.forEach((track) => track.slide(25));
  expect(groups(tilesAfter(broadcast, all[2]))).toEqual([30, 40]);
  expect(groups(tilesAfter(broadcast, all[0]))).toEqual([25, 30, 40]);
});

test('a segment that was lost gives its tile to the next', () => {
  const broadcast = broadcastOf(seconds(0, 25));
  broadcast.tracks.forEach((track) => track.lose(10));
  expect(groups(tilesAfter(broadcast, undefined))).toEqual([0, 11, 20]);
});

test('sound alone has no tiles', async () => {
  const { broadcast } = await recorded(loadVector('source-30').filter(({ track }) => track === AUDIO));
  expect(broadcast.tracks.get(AUDIO)?.segments.length).toBeGreaterThan(3);
  expect(tilesAfter(broadcast, undefined)).toEqual([]);
});

test.each([
  ['16:9', 1280, 720, 90],
  ['9:16', 720, 1280, 284],
  ['4:3', 640, 480, 120],
  ['1:1', 500, 500, 160],
  ['as wide as nobody sends', 4000, 100, 40],
  ['as high as nobody sends', 100, 4000, 360],
])('a tile of %s is 160 pixels wide and of even height', (_what, width, height, expected) => {
  expect(tileSize({ ...videoConfig, width, height })).toEqual({ width: 160, height: expected });
});

test('a tile has square pixels where the picture has not', () => {
  // As x264 writes it for 720x576 with pixels of 64:45, which is 16:9.
  const description = Uint8Array.from(Buffer.from('0142c01effe1001c6742c01eda02d049bff0040002d1000003000100000300320f162ea001000468ce0fc8', 'hex'));
  expect(tileSize({ ...videoConfig, width: 720, height: 576, description })).toEqual({ width: 160, height: 90 });
});
