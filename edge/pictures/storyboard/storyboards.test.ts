import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';

import { createLocalBus } from '#core/bus/local/local-bus.ts';
import { millis, wallTime } from '#core/media/time.ts';
import { MillraceError } from '#core/runtime/errors.ts';
import type { Bus } from '#core/bus/bus.ts';

import type { MemoryArchive } from '../../archive/testing/memory-archive.ts';
import { videoConfig } from '../../cmaf/testing/frames.ts';
import { FakeDecoder } from '../testing/fake-decoder.ts';
import { INFO, KEPT, kept, seconds } from '../testing/kept.ts';
import { Storyboards } from './storyboards.ts';

/** Makes storyboards of an archive; they work only when the test says so. */
function making(archive: MemoryArchive, decoder = new FakeDecoder()): { readonly bus: Bus; readonly boards: Storyboards; readonly decoder: FakeDecoder } {
  const bus = createLocalBus();
  const boards = new Storyboards({ archive, bus, decoder, log: pino({ level: 'silent' }) });
  onTestFinished(async () => {
    await boards.close();
    await bus.close();
  });
  return { bus, boards, decoder };
}

const FALLING_BEHIND = { speed: 0.5, lag: millis(9000), restarts: 0, warnings: [{ code: 'transcode/falling-behind', message: '', since: wallTime(0) }] };
const KEEPING_UP = { ...FALLING_BEHIND, speed: 1, warnings: [] };
const undecodable = (): MillraceError => new MillraceError('pictures/undecodable', 'no');
const files = (folder: string): string[] => readdirSync(folder).sort();
const groupsFed = (decoder: FakeDecoder, kind: string): (number | undefined)[][] =>
  decoder.wishes.flatMap((wish, index) => (wish.kind === kind ? [(decoder.fed[index] ?? []).map((frame) => frame?.data[4])] : []));

test('while a broadcast goes on a sprite is made when 25 tiles are together, and not before', async () => {
  const { archive, broadcast, folder } = kept(seconds(0, 235));
  const { bus, boards, decoder } = making(archive);
  bus.announce(INFO);
  await boards.work();
  expect(groupsFed(decoder, 'storyboard')).toEqual([]);
  broadcast.package(seconds(236, 505));
  await boards.work();
  await boards.work();
  await boards.work();
  const tens = (from: number): number[] => Array.from({ length: 25 }, (_, n) => (from + n * 10) & 0xff);
  expect(groupsFed(decoder, 'storyboard')).toEqual([tens(0), tens(250)]);
  expect(decoder.wishes.filter(({ kind }) => kind === 'storyboard').map(({ shape, urgent }) => [shape, urgent])[0]).toEqual([
    { kind: 'sprite', tile: { width: 160, height: 90 }, columns: 5, rows: 5 }, false,
  ]);
  expect(files(folder)).toEqual(['poster.jpg', 'storyboard-0.jpg', 'storyboard-1.jpg', 'storyboard.jsonl']);
});

test('when a recording is over, the rest is made and nothing is ever made twice', async () => {
  const { archive, broadcast, folder } = kept(seconds(0, 275));
  const { bus, boards, decoder } = making(archive);
  bus.announce(INFO);
  await boards.work();
  bus.announce({ ...INFO, state: 'ended' });
  await broadcast.end();
  await boards.work();
  expect(groupsFed(decoder, 'storyboard').map((fed) => fed.length)).toEqual([25, 3]);
  const board = await boards.of(broadcast);
  expect(board.done).toBe(true);
  expect(board.recordingCues().bytes.toString().match(/.* --> .*\n.*/g)?.slice(-2)).toEqual([
    '00:04:20.000 --> 00:04:30.000\nstoryboard-1.jpg#xywh=160,0,160,90', '00:04:30.000 --> 00:04:40.000\nstoryboard-1.jpg#xywh=320,0,160,90',
  ]);
  expect(readFileSync(join(folder, 'storyboard-0.jpg'), 'utf8')).toMatch(/^picture/);
  const next = making(archive);
  await next.boards.work();
  expect(next.decoder.wishes).toEqual([]);
});

test('after a crash the next start makes what is missing of a recording', async () => {
  const { archive, broadcast, folder } = kept(seconds(0, 600));
  const first = making(archive);
  first.bus.announce(INFO);
  await first.boards.work();
  await first.boards.close();
  await broadcast.end();
  writeFileSync(join(folder, 'storyboard.jsonl'), '{"spr', { flag: 'a' });
  const { boards, decoder } = making(archive);
  await boards.work();
  expect(groupsFed(decoder, 'storyboard').map((fed) => [fed[0], fed.length])).toEqual([[250, 25], [500 & 0xff, 11]]);
  expect(files(folder)).toEqual(['poster.jpg', 'storyboard-0.jpg', 'storyboard-1.jpg', 'storyboard-2.jpg', 'storyboard.jsonl']);
});

test('a recording that a crash left open is completed once the archive has finished it', async () => {
  const { archive, broadcast, folder } = kept(seconds(0, 30));
  const { boards } = making(archive);
  // Nobody keeps it now, and it is not finished either.
  archive.open = () => undefined;
  await boards.work();
  expect(files(folder)).toEqual([]);
  await broadcast.end();
  await boards.work();
  expect(files(folder)).toEqual(['poster.jpg', 'storyboard-0.jpg', 'storyboard.jsonl']);
});

test('what is over is completed at once, though the archive holds it a little longer', async () => {
  const { archive, broadcast, folder } = kept(seconds(0, 30));
  const { bus, boards } = making(archive);
  bus.announce(INFO);
  archive.open = () => broadcast;
  await boards.work();
  bus.announce({ ...INFO, state: 'ended' });
  await broadcast.end();
  await boards.work();
  expect(files(folder)).toEqual(['poster.jpg', 'storyboard-0.jpg', 'storyboard.jsonl']);
});

test('a broadcast that returns within its grace time goes on where it was', async () => {
  const { archive, broadcast } = kept(seconds(0, 255));
  const { bus, boards, decoder } = making(archive);
  bus.announce(INFO);
  await boards.work();
  bus.announce({ ...INFO, state: 'interrupted' });
  broadcast.package(seconds(2000, 2240, { epoch: 1, offset: -1700 }));
  bus.announce({ ...INFO, epoch: 1 });
  await boards.work();
  // One tile of the first epoch is left over: group 250.
  expect(groupsFed(decoder, 'storyboard')[1]?.slice(0, 3)).toEqual([250, 2000 & 0xff, 2010 & 0xff]);
});

test('while encoders fall behind nothing is made, and it is made afterwards', async () => {
  const { archive, folder } = kept(seconds(0, 260));
  const { bus, boards, decoder } = making(archive);
  bus.announce(INFO);
  bus.putCatalog(KEPT, 'transcode', FALLING_BEHIND);
  await boards.work();
  expect([decoder.wishes, files(folder)]).toEqual([[], []]);
  bus.putCatalog(KEPT, 'transcode', KEEPING_UP);
  await boards.work();
  expect(files(folder)).toEqual(['poster.jpg', 'storyboard-0.jpg', 'storyboard.jsonl']);
});

test('sprites of what has left the rewind window fall, and with them their cues; nothing is kept of it as a recording', async () => {
  const { archive, broadcast, folder } = kept(seconds(0, 800));
  broadcast.isRecording = false;
  const { bus, boards } = making(archive);
  bus.announce(INFO);
  for (let i = 0; i < 4; i++) {
    await boards.work();
  }
  expect(files(folder)).toEqual(['storyboard-0.jpg', 'storyboard-1.jpg', 'storyboard-2.jpg', 'storyboard.jsonl']);
  broadcast.tracks.forEach((track) => track.slide(520));
  await boards.work();
  expect(files(folder)).toEqual(['storyboard-2.jpg', 'storyboard.jsonl']);
  const board = await boards.of(broadcast);
  expect(board.liveCues().bytes.toString().match(/.* --> .*\n.*/g)?.[0]).toBe('00:08:40.000 --> 00:08:50.000\nstoryboard-2.jpg#xywh=320,0,160,90');
  // A restart of the server knows it again, and tells the same.
  const next = making(archive);
  next.bus.announce(INFO);
  expect((await next.boards.of(broadcast)).liveCues().bytes).toEqual(board.liveCues().bytes);
  await next.boards.work();
  expect(next.decoder.wishes).toEqual([]);
});

test('cues are made once for each tile, however often they are asked for', async () => {
  const { archive, broadcast } = kept(seconds(0, 25));
  const { boards } = making(archive);
  const board = await boards.of(broadcast);
  const [live, own] = [board.liveCues(), board.recordingCues()];
  broadcast.package(seconds(26, 29));
  expect([board.liveCues() === live, board.recordingCues() === own]).toEqual([true, true]);
  broadcast.package(seconds(30, 31));
  expect([board.liveCues() === live, board.recordingCues() === own]).toEqual([false, false]);
});

test('cues of a broadcast on air reach no further back than viewers can go', async () => {
  const { archive, broadcast } = kept(seconds(0, 300));
  broadcast.rewind = millis(60_000);
  const { boards } = making(archive);
  expect((await boards.of(broadcast)).liveCues().bytes.toString().match(/.* -->/g)?.[0]).toBe('00:03:50.000 -->');
});

test('the sprite that is not full is made when somebody asks, once for each tile that is added, under another URL each', async () => {
  const { archive, broadcast, folder } = kept(seconds(0, 25));
  const { boards, decoder } = making(archive);
  const board = await boards.of(broadcast);
  expect(board.liveCues().bytes.toString()).toContain('\nstoryboard-0.jpg?tiles=3#xywh=320,0,160,90\n');
  expect(decoder.wishes).toEqual([]);
  const [one, same] = await Promise.all([board.partial(0), board.partial(0)]);
  expect(one).toBe(same);
  expect(await board.partial(1)).toBeUndefined();
  broadcast.package(seconds(26, 31));
  expect(board.liveCues().bytes.toString()).toContain('storyboard-0.jpg?tiles=4');
  expect((await board.partial(0))?.bytes.toString()).toBe('picture 2');
  expect(groupsFed(decoder, 'storyboard')).toEqual([[0, 10, 20], [0, 10, 20, 30]]);
  expect(decoder.wishes[0]?.urgent).toBe(true);
  expect(existsSync(join(folder, 'storyboard-0.jpg'))).toBe(false);
});

test('a partial sprite whose frames cannot be decoded is tried again when it has another tile, and not with each request', async () => {
  const { archive, broadcast } = kept(seconds(0, 25));
  const { boards, decoder } = making(archive);
  const board = await boards.of(broadcast);
  decoder.faults.push(undecodable());
  for (let request = 0; request < 20; request++) {
    await expect(board.partial(0)).rejects.toMatchObject({ code: 'pictures/undecodable' });
  }
  broadcast.package(seconds(26, 31));
  expect((await board.partial(0))?.bytes.toString()).toBe('picture 2');
});

test('frames that take too long are tried twice, then given up', async () => {
  const { archive, broadcast } = kept(seconds(0, 260));
  const { boards, decoder } = making(archive);
  const board = await boards.of(broadcast);
  decoder.faults.push(new MillraceError('pictures/timeout', 'no'), new MillraceError('pictures/timeout', 'no'));
  await expect(board.makeSprite()).rejects.toMatchObject({ code: 'pictures/timeout' });
  await board.makeSprite();
  expect(board.sprites.map(({ number, failed }) => [number, failed])).toEqual([[0, true]]);
});

test('a partial sprite that failed for another reason is tried again with the next request', async () => {
  const { archive, broadcast } = kept(seconds(0, 25));
  const { boards, decoder } = making(archive);
  const board = await boards.of(broadcast);
  decoder.faults.push(new MillraceError('pictures/busy', 'no'));
  await expect(board.partial(0)).rejects.toMatchObject({ code: 'pictures/busy' });
  expect((await board.partial(0))?.bytes.toString()).toBe('picture 2');
});

test('tiles that cannot be decoded are given up, and those behind them are made', async () => {
  const { archive, broadcast, folder } = kept(seconds(0, 505));
  const { bus, boards, decoder } = making(archive);
  await broadcast.end();
  // The poster first.
  decoder.faults.push(undecodable(), undecodable());
  bus.announce({ ...INFO, state: 'ended' });
  await boards.work();
  expect(files(folder)).toEqual(['storyboard-1.jpg', 'storyboard-2.jpg', 'storyboard.jsonl']);
  expect((await boards.of(broadcast)).recordingCues().bytes.toString().match(/.* -->/g)?.[0]).toBe('00:04:10.000 -->');
});

test.each(['pictures/ffmpeg', 'pictures/busy', 'pictures/stopped'])('a fault that is not the media\'s (%s) is tried again', async (code) => {
  const { archive, folder } = kept(seconds(0, 260));
  const { bus, boards, decoder } = making(archive);
  bus.announce(INFO);
  await boards.work();
  expect(files(folder)).toContain('storyboard-0.jpg');
  const again = kept(seconds(0, 260));
  const other = making(again.archive, decoder);
  other.bus.announce(INFO);
  decoder.faults.push(new MillraceError(code, 'no'), new MillraceError(code, 'no'));
  await other.boards.work();
  await other.boards.work();
  await other.boards.work();
  expect(files(again.folder)).toEqual(['poster.jpg', 'storyboard-0.jpg', 'storyboard.jsonl']);
});

test('where the folder is gone or full, nobody is harmed, and another broadcast has its pictures', async () => {
  const { archive, broadcast } = kept(seconds(0, 260));
  Object.assign(broadcast, { folder: '/nonexistent/folder' });
  const { bus, boards } = making(archive);
  bus.announce(INFO);
  await boards.work();
  await expect((await boards.of(broadcast)).makeSprite()).rejects.toMatchObject({ code: 'ENOENT' });
});

test('the poster is of the best picture, ten seconds into the recording, and stays', async () => {
  const big = { ...videoConfig, width: 1280, height: 720 };
  const { archive, broadcast, folder } = kept([...seconds(0, 9, { track: 'video', config: big }), ...seconds(0, 9)]);
  const { bus, boards, decoder } = making(archive);
  bus.announce(INFO);
  await boards.work();
  expect(decoder.wishes).toEqual([]);
  broadcast.package([...seconds(10, 40, { track: 'video', config: big }), ...seconds(10, 40)]);
  await boards.work();
  await boards.work();
  expect(groupsFed(decoder, 'recording')).toEqual([[10]]);
  expect(decoder.fed[0]?.[0]?.config.width).toBe(1280);
  expect(readFileSync(join(folder, 'poster.jpg'), 'utf8')).toBe('picture 1');
});

test('a recording of a few seconds has its middle as poster', async () => {
  const { archive, broadcast } = kept(seconds(0, 5));
  const { boards, decoder } = making(archive);
  await broadcast.end();
  boards.want(broadcast);
  await boards.work();
  expect(groupsFed(decoder, 'recording')).toEqual([[3]]);
  expect(groupsFed(decoder, 'storyboard')).toEqual([[0]]);
});

test('a rewind window that is over has nothing made of it', async () => {
  const { archive, broadcast, folder } = kept(seconds(0, 100));
  broadcast.isRecording = false;
  const { bus, boards, decoder } = making(archive);
  bus.announce(INFO);
  await boards.work();
  bus.announce({ ...INFO, state: 'ended' });
  await broadcast.end();
  boards.want(broadcast);
  await boards.work();
  expect([decoder.wishes, files(folder)]).toEqual([[], []]);
});
