import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FakeEngine } from '../testing/fake-engine.ts';
import { Metadata } from './metadata.ts';
import type { EngineEvent, TimedMessage } from './timed-message.ts';
import { tellParent } from './to-parent.ts';

const id = '00112233445566778899aabbccddeeff';
const message: TimedMessage = { id, type: 'poll', data: { q: 'Left or right?' }, time: 11, wallTime: '2026-01-01T00:00:11.000Z' };
const at = (position: number, more: Partial<TimedMessage> = {}): EngineEvent => ({ message: { ...message, ...more }, place: { kind: 'position', position } });

/** A canvas as a video: its frames come when the browser draws them, at the time that the element says. */
async function film(): Promise<{ readonly video: HTMLVideoElement; stop(): void }> {
  const canvas = document.createElement('canvas');
  const context = canvas.getContext('2d');
  let n = 0;
  const timer = setInterval(() => context?.fillRect((n += 1) % 300, 0, 10, 10), 30);
  const recorder = new MediaRecorder(canvas.captureStream(30), { mimeType: 'video/webm' });
  const chunks: Blob[] = [];
  recorder.ondataavailable = ({ data }) => chunks.push(data);
  recorder.start();
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  const stopped = new Promise((resolve) => (recorder.onstop = resolve));
  recorder.stop();
  await stopped;
  clearInterval(timer);
  const video = document.createElement('video');
  video.muted = true;
  video.src = URL.createObjectURL(new Blob(chunks));
  document.body.append(video);
  return { video, stop: () => video.remove() };
}

describe('messages of what an element shows', () => {
  let video: HTMLVideoElement;
  let stop: () => void;
  let metadata: Metadata;

  beforeEach(async () => {
    ({ video, stop } = await film());
    metadata = new Metadata(video);
    metadata.watch(new FakeEngine({} as never));
  });

  afterEach(() => {
    metadata.close();
    stop();
  });

  it('are raised with the first frame at or after their place, for listeners, at the element, and for the page around', async () => {
    const heard: TimedMessage[] = [];
    const seen: { readonly mediaTime: number; readonly raised: number }[] = [];
    const dispatched = vi.fn((event: Event) => (event as CustomEvent<TimedMessage>).detail);
    metadata.onMetadata((each) => heard.push(each));
    document.addEventListener('millrace:metadata', dispatched);
    const look = (_now: number, { mediaTime }: VideoFrameCallbackMetadata): void => {
      video.requestVideoFrameCallback(look);
      // After the watch's own look at this frame: callbacks run in the order in which they were asked for.
      queueMicrotask(() => seen.push({ mediaTime, raised: heard.length }));
    };
    metadata.learn(at(0.5));
    video.requestVideoFrameCallback(look);
    await video.play();
    await expect.poll(() => heard).toEqual([message]);
    await expect.poll(() => seen.some(({ raised }) => raised > 0)).toBe(true);
    const first = seen.find(({ mediaTime }) => mediaTime >= 0.494);
    expect(seen.filter(({ mediaTime }) => mediaTime < 0.494).every(({ raised }) => raised === 0)).toBe(true);
    expect(first?.raised).toBe(1);
    expect(dispatched.mock.results.map(({ value }) => value as unknown)).toEqual([message]);
    document.removeEventListener('millrace:metadata', dispatched);
  });

  it('are raised by position where the browser tells of no frames', async () => {
    metadata.close();
    const bare = new Proxy(video, {
      has: (target, name) => name !== 'requestVideoFrameCallback' && name in target,
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === 'function' ? (value.bind(target) as unknown) : value;
      },
    });
    metadata = new Metadata(bare);
    metadata.watch(new FakeEngine({} as never));
    const raised: number[] = [];
    metadata.onMetadata(() => raised.push(video.currentTime));
    metadata.learn(at(0.6));
    await video.play();
    await expect.poll(() => raised.length).toBe(1);
    expect(raised[0]).toBeGreaterThanOrEqual(0.594);
    // A timer is due when the message is; not the next time that the element speaks, a quarter of a second later.
    expect(raised[0]).toBeLessThan(0.75);
  });

  it('are raised again for who goes back', async () => {
    let raised = 0;
    metadata.onMetadata(() => (raised += 1));
    metadata.learn(at(0.9));
    await video.play();
    await expect.poll(() => raised).toBe(1);
    video.currentTime = 0.2;
    await expect.poll(() => raised).toBe(2);
  });

  it('reach every listener, though one of them throws, until it is taken away', async () => {
    const thrown = vi.fn();
    const onError = (event: ErrorEvent): void => {
      event.preventDefault();
      thrown(event.error);
    };
    addEventListener('error', onError);
    metadata.onMetadata(() => {
      throw new Error('a mistake of the page');
    });
    const off = metadata.onMetadata(() => expect.unreachable('taken away'));
    off();
    off();
    let raised = 0;
    metadata.onMetadata(() => (raised += 1));
    await video.play();
    metadata.learn(at(0.1));
    await expect.poll(() => raised).toBe(1);
    expect(thrown).toHaveBeenCalledOnce();
    removeEventListener('error', onError);
  });
});

it('what frames the player is told of each message', async () => {
  const told: unknown[] = [];
  const parent = { postMessage: (data: unknown, origin: string) => told.push([data, origin]) };
  const stop = tellParent('cam', parent);
  const raise = (): boolean => document.dispatchEvent(new CustomEvent('millrace:metadata', { detail: message }));
  raise();
  stop();
  raise();
  expect(told).toEqual([[{ millrace: 'metadata', stream: 'cam', ...message }, '*']]);
});
