import { describe, expect, it } from 'vitest';
import { Storyboard } from './storyboard.ts';

const url = 'https://example.com/tv/recordings/0a1b2c3d/storyboard.vtt';
const file = `WEBVTT

NOTE start 2026-01-02T03:04:05.000Z

00:00:00.000 --> 00:00:10.000
storyboard-0.jpg#xywh=0,0,160,90

2
00:10.000 --> 00:00:20.000 align:start
storyboard-0.jpg#xywh=pixel:160,0,160,90

00:00:20.000 --> 00:00:30.000
no picture at all

01:00:00.500 --> 01:00:10.500
storyboard-14.jpg#xywh=0,90,160,90
`;

describe('a storyboard', () => {
  it('has the tile of every time', () => {
    const board = new Storyboard(file, url);
    expect([board.size, board.start]).toEqual([3, Date.parse('2026-01-02T03:04:05Z')]);
    expect(board.tileAt(4)).toEqual({ url: 'https://example.com/tv/recordings/0a1b2c3d/storyboard-0.jpg', x: 0, y: 0, width: 160, height: 90 });
    expect([-5.1, -5, 0, 9.9, 10, 25, 25.1].map((time) => board.tileAt(time)?.x)).toEqual([undefined, 0, 0, 0, 160, 160, undefined]);
    expect([3_600.4, 3_601, 9_999].map((time) => board.tileAt(time)?.y)).toEqual([undefined, 90, undefined]);
  });

  it('may have Windows line ends and no start', () => {
    const board = new Storyboard(file.replace(/NOTE.*\n\n/, '').replaceAll('\n', '\r\n'), url);
    expect([board.size, board.start]).toEqual([3, undefined]);
  });

  it.each(['', 'WEBVTT', '<!doctype html><title>no</title>'])('has no tiles in %j', (text) => {
    expect(new Storyboard(text, url).tileAt(3)).toBeUndefined();
  });
});
