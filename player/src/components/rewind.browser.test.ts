import axe from 'axe-core';
import { page, userEvent } from 'vitest/browser';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { render } from 'vitest-browser-svelte';
import '../styles/base.css';
import { Routes } from '../address/address.ts';
import { chooseEngine } from '../engine/choose-engine.ts';
import { canRewind, openRewind, preloadRewind } from '../engine/hls/rewind-way.ts';
import Landing from '../pages/Landing.svelte';
import Recording from '../pages/Recording.svelte';
import Watch from '../pages/Watch.svelte';
import { FakeEngine, twoRungs } from '../testing/fake-engine.ts';
import { FakeRewindEngine } from '../testing/fake-rewind-engine.ts';
import { FakeEventSource, FakeServer, recording, stream } from '../testing/fake-server.ts';

vi.mock('../engine/choose-engine.ts', () => ({ chooseEngine: vi.fn() }));
vi.mock('../engine/hls/rewind-way.ts', () => ({ openRewind: vi.fn(), canRewind: vi.fn(), preloadRewind: vi.fn() }));

const routes = new Routes('/');
const kept = { rewind: { seconds: 200, url: '/live/cam/rewind.m3u8' }, thumbnail: '/live/cam/thumbnail.jpg' };

async function faults(): Promise<string[]> {
  const { violations } = await axe.run(document, { rules: { 'landmark-one-main': { enabled: true } } });
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(' | ')}`);
}

let live: FakeEngine | undefined;
let past: FakeRewindEngine | undefined;
let server: FakeServer;

const video = (): HTMLVideoElement => document.querySelector('video') ?? expect.fail('no <video>');
/** The picture begins to move, as far as the page can tell. */
const play = (): void => {
  Object.defineProperty(video(), 'paused', { get: () => false, configurable: true });
  const { listener } = globalThis.millrace?.stats.engine === 'rewind' || globalThis.millrace?.stats.recording ? (past ?? expect.fail()) : (live ?? expect.fail());
  listener.rungs(twoRungs);
  listener.shown(1);
  video().dispatchEvent(new Event('playing'));
};
const behind = (): number => globalThis.millrace?.stats.rewind?.behind ?? -1;
/** Presses, drags or moves a pointer over the bar, at a share of its length. */
const point = (type: string, share: number, pointerType = 'mouse'): void => {
  const slider = page.getByRole('slider', { name: /Rewind|Position/ }).element();
  const rail = slider.querySelector('.rail') ?? expect.fail();
  const { left, width, top } = rail.getBoundingClientRect();
  Object.assign(slider, { setPointerCapture: () => undefined });
  slider.dispatchEvent(new PointerEvent(type, { clientX: left + width * share, clientY: top, pointerType, pointerId: 7, button: 0, bubbles: true }));
};

beforeEach(() => {
  document.documentElement.lang = 'en';
  document.title = 'Millrace';
  FakeEventSource.all = [];
  server = new FakeServer();
  server.facts = kept;
  vi.stubGlobal('fetch', server.fetch);
  vi.stubGlobal('EventSource', FakeEventSource);
  vi.mocked(canRewind).mockReturnValue(true);
  vi.mocked(openRewind).mockImplementation(({ listener }, source) => (past = new FakeRewindEngine(listener, source)));
  vi.mocked(chooseEngine).mockImplementation((choice) => {
    const kind = choice === 'dash' ? 'dash' : 'hls';
    return { ways: [{ kind, make: ({ listener }) => (live = Object.assign(new FakeEngine(listener), { kind })) }] };
  });
});

afterEach(async () => {
  await page.viewport(414, 896);
  vi.unstubAllGlobals();
});

describe('the seek bar of a live stream', () => {
  const open = async (): Promise<void> => {
    await render(Watch, { stream: 'cam', engineChoice: 'auto', routes });
    play();
    await expect.element(page.getByRole('slider', { name: 'Rewind' }), { timeout: 4_000 }).toBeVisible();
  };

  it('is not there where nothing is kept', async () => {
    server.facts = { rewind: null };
    await render(Watch, { stream: 'cam', engineChoice: 'auto', routes });
    play();
    await expect.element(page.getByText('0 viewers'), { timeout: 4_000 }).toBeVisible();
    await expect.element(page.getByRole('slider', { name: 'Rewind' })).not.toBeInTheDocument();
    await expect.element(page.getByRole('button', { name: 'Back 10 seconds' })).not.toBeInTheDocument();
  });

  it('says where one is, without faults of accessibility', async () => {
    await open();
    const slider = page.getByRole('slider', { name: 'Rewind' });
    await expect.element(slider).toHaveAttribute('aria-valuetext', 'live');
    await expect.element(slider).toHaveAttribute('aria-valuemax', '0');
    expect(await faults()).toEqual([]);
    point('pointerdown', 0.35);
    point('pointerup', 0.35);
    play();
    await vi.waitFor(() => expect(slider.element().ariaValueText).toMatch(/^2 minutes 1[0-4] seconds behind live$/));
    const badge = page.getByRole('button', { name: /^Go live, now 2 minutes 1\d seconds behind$/ });
    await expect.element(badge).toBeVisible();
    expect(document.querySelector('.latency')?.textContent).toMatch(/^−2:1\d$/);
    expect(await faults()).toEqual([]);
    await page.getByRole('button', { name: /^Go live/ }).click();
    await expect.element(slider).toHaveAttribute('aria-valuetext', 'live');
  });

  it.each([
    [390, 844],
    [1280, 800],
  ])('can be hit by fingers at %i x %i, as can the buttons', async (width, height) => {
    await page.viewport(width, height);
    await open();
    const slider = page.getByRole('slider', { name: 'Rewind' }).element().getBoundingClientRect();
    const back = page.getByRole('button', { name: 'Back 10 seconds' }).element().getBoundingClientRect();
    expect(slider.height).toBeGreaterThanOrEqual(44);
    expect([back.width, back.height]).toEqual([44, 44]);
    const controls = [...document.querySelectorAll('.buttons button')].map((control) => control.getBoundingClientRect()).filter((box) => box.width > 0);
    const player = document.querySelector('section')?.getBoundingClientRect() ?? expect.fail();
    expect(controls.filter(({ left, right }) => left < player.left || right > player.right)).toEqual([]);
    expect(controls.every((box) => box.width >= 44 && box.height >= 44)).toBe(true);
  });

  it('obeys the keys', async () => {
    await open();
    const slider = page.getByRole('slider', { name: 'Rewind' });
    (slider.element() as HTMLElement).focus();
    await userEvent.keyboard('{PageDown}');
    await vi.waitFor(() => expect(behind()).toBeCloseTo(60.7, 0));
    play();
    await userEvent.keyboard('{ArrowLeft}');
    await vi.waitFor(() => expect(behind()).toBeCloseTo(70.7, 0));
    await userEvent.keyboard('{ArrowUp}{ArrowRight}');
    await vi.waitFor(() => expect(behind()).toBeCloseTo(50.7, 0));
    await userEvent.keyboard('{Home}');
    await vi.waitFor(() => expect(behind()).toBeGreaterThan(190));
    await userEvent.keyboard('{End}');
    await vi.waitFor(() => expect(behind()).toBe(0));
    (document.activeElement as HTMLElement).blur();
    await userEvent.keyboard('j');
    await vi.waitFor(() => expect(behind()).toBeCloseTo(10.7, 0));
    await userEvent.keyboard('l');
    await vi.waitFor(() => expect(behind()).toBe(0));
    await page.getByRole('button', { name: 'Back 10 seconds' }).click();
    await vi.waitFor(() => expect(behind()).toBeCloseTo(10.7, 0));
  });

  it('is reached by the Tab key while it is out of sight, comes into sight, and keeps the focus', async () => {
    await open();
    const slider = page.getByRole('slider', { name: 'Rewind' }).element() as HTMLElement;
    const bar = slider.closest('.bar') ?? expect.fail();
    const opacity = () => Number(getComputedStyle(bar).opacity);
    const leave = () => document.querySelector('section')?.dispatchEvent(new PointerEvent('pointerleave', { pointerType: 'mouse' }));
    leave();
    await vi.waitFor(() => expect(opacity()).toBe(0));
    for (let presses = 0; document.activeElement !== slider && presses < 9; presses += 1) {
      await userEvent.keyboard('{Tab}');
    }
    expect(document.activeElement).toBe(slider);
    leave();
    await vi.waitFor(() => expect(opacity()).toBe(1));
    expect(bar.classList.contains('shown')).toBe(false);
    slider.blur();
    await vi.waitFor(() => expect(opacity()).toBe(0));
  });

  it('shows what is there while it is pointed at, and goes there when it is let go', async () => {
    server.facts = { ...kept, startedAt: new Date(Date.now() - 200_000).toISOString() };
    await open();
    expect(server.requests.some((url) => url.endsWith('.vtt'))).toBe(false);
    point('pointermove', 0.1);
    const preview = document.querySelector('.preview');
    await vi.waitFor(() => expect(document.querySelector('.preview .tile')).not.toBeNull());
    expect(vi.mocked(preloadRewind)).toHaveBeenCalled();
    expect(server.requests.filter((url) => url.endsWith('.vtt'))).toEqual(['/live/cam/b1/storyboard.vtt']);
    const tile = document.querySelector<HTMLElement>('.preview .tile');
    expect(tile?.style.backgroundImage).toContain('/live/cam/b1/storyboard-0.jpg');
    expect(tile?.style.backgroundPosition).toMatch(/^-(160|320)px /);
    expect((preview ?? document.querySelector('.preview'))?.textContent).toMatch(/−(3:0|2:5)\d · /);
    expect(behind()).toBe(0);
    point('pointerdown', 0.5, 'touch');
    point('pointermove', 0.2, 'touch');
    point('pointermove', 0.25, 'touch');
    expect(behind()).toBe(0);
    point('pointerup', 0.25, 'touch');
    expect(behind()).toBeGreaterThan(145);
    expect(behind()).toBeLessThan(160);
    await vi.waitFor(() => expect(document.querySelector('.preview')).toBeNull());
  });

  it('lets go of what was being dragged when the pointer is taken away', async () => {
    await open();
    point('pointerdown', 0.5, 'touch');
    point('pointercancel', 0.5, 'touch');
    point('pointerup', 0.1, 'touch');
    expect(behind()).toBe(0);
  });

  it('says that rewind is off, while live goes on', async () => {
    await open();
    server.facts = { rewind: null };
    await expect.element(page.getByText('Rewind is off at the moment. Live goes on.'), { timeout: 7_000 }).toBeVisible();
    await expect.element(page.getByRole('slider', { name: 'Rewind' })).toHaveAttribute('aria-disabled', 'true');
    await expect.element(page.getByRole('button', { name: 'Back 10 seconds' })).not.toBeInTheDocument();
    expect(await faults()).toEqual([]);
    expect(globalThis.millrace?.stats).toMatchObject({ engine: 'hls', following: true, rewind: { state: 'lost', active: false } });
  });
});

describe('the page of a recording', () => {
  const id = '0a1b2c3d4e5f';
  const has = (values: Partial<Record<'duration' | 'currentTime' | 'readyState', number>>): void => {
    for (const [name, value] of Object.entries(values)) {
      Object.defineProperty(video(), name, { value, writable: true, configurable: true });
    }
  };
  const open = async (): Promise<void> => {
    server.recordings = [recording(id, 'cam'), recording('ffffffffffff', 'cam', { startedAt: '2026-01-01T10:00:00.000Z' }), recording('eeeeeeeeeeee', 'attic')];
    await render(Recording, { id, begin: 0, engineChoice: 'auto', routes });
    has({ duration: 754, currentTime: 130, readyState: 4 });
    play();
  };

  it('plays it, and offers it to be taken, without faults of accessibility', async () => {
    await open();
    expect(past?.source).toEqual({ kind: 'hls', url: `/recordings/${id}/master.m3u8`, begin: { position: 0 } });
    await expect.element(page.getByRole('heading', { level: 1, name: 'cam' })).toBeVisible();
    await expect.element(page.getByRole('slider', { name: 'Position' })).toHaveAttribute('aria-valuetext', '2 minutes 10 seconds of 12 minutes 34 seconds');
    await expect.element(page.getByText('2:10 / 12:34')).toBeVisible();
    const download = page.getByRole('link', { name: /Download/ });
    await expect.element(download).toHaveAttribute('href', `/recordings/${id}/download.mp4`);
    await expect.element(download).toHaveAttribute('download');
    await expect.element(download).toHaveTextContent('Download98 MB');
    await expect.element(page.getByRole('button', { name: 'Copy link' })).toBeVisible();
    expect(video().poster).toMatch(new RegExp(`/recordings/${id}/poster.jpg$`));
    expect(await faults()).toEqual([]);
    expect(globalThis.millrace?.stats).toMatchObject({ state: 'playing', latency: null, rewind: null, recording: { position: 130, duration: 754, speed: 1 } });
  });

  it('names other recordings of the stream, and not this one', async () => {
    await open();
    await expect.element(page.getByRole('heading', { name: 'More from cam' }), { timeout: 4_000 }).toBeVisible();
    expect([...document.querySelectorAll('section[aria-labelledby] a')].map((link) => link.getAttribute('href'))).toEqual(['/recordings/ffffffffffff']);
  });

  it('goes wherever one points, shows what is there, and obeys the keys', async () => {
    await open();
    await vi.waitFor(() => expect(globalThis.millrace?.stats.recording?.position).toBe(130));
    point('pointermove', 0.03);
    await vi.waitFor(() => expect(document.querySelector<HTMLElement>('.preview .tile')?.style.backgroundPosition).toBe('-320px 0px'));
    point('pointerdown', 0.5);
    point('pointerup', 0.5);
    expect(video().currentTime).toBeCloseTo(377, 0);
    await userEvent.keyboard('j');
    expect(video().currentTime).toBeCloseTo(367, 0);
    await userEvent.keyboard('{ArrowRight}{ArrowRight}');
    expect(video().currentTime).toBeCloseTo(387, 0);
    await userEvent.keyboard('l');
    expect(video().currentTime).toBeCloseTo(387, 0);
  });

  it('plays faster and slower', async () => {
    await open();
    await page.getByRole('combobox', { name: 'Speed' }).selectOptions('1.5');
    expect(video().playbackRate).toBe(1.5);
    (document.activeElement as HTMLElement).blur();
    await userEvent.keyboard('>');
    expect(video().playbackRate).toBe(2);
    await userEvent.keyboard('<<<');
    await vi.waitFor(() => expect(globalThis.millrace?.stats).toMatchObject({ rate: 1, recording: { speed: 1 } }));
    await userEvent.keyboard('?');
    await expect.element(page.getByText('Faster')).toBeVisible();
    await expect.element(page.getByText('Go live')).not.toBeInTheDocument();
  });

  it('plays again from the beginning when all was shown', async () => {
    await open();
    past?.listener.ended();
    // Of a part of it only.
    expect(globalThis.millrace?.stats.state).toBe('playing');
    has({ currentTime: 753.9 });
    past?.listener.ended();
    await page.getByRole('button', { name: 'Play again' }).click();
    await vi.waitFor(() => expect(video().currentTime).toBe(0));
    expect(globalThis.millrace?.stats.state).toBe('playing');
  });

  it('says that a recording is not here, and leads on', async () => {
    await render(Recording, { id, begin: 0, engineChoice: 'auto', routes });
    past?.listener.failed({ kind: 'network', detail: 'HTTP 404' });
    await expect.element(page.getByText('This recording is not here', { exact: true })).toBeVisible();
    await expect.element(page.getByRole('link', { name: /other recordings/ })).toHaveAttribute('href', '/');
    await expect.element(page.getByRole('link', { name: /Download/ })).not.toBeInTheDocument();
    expect(await faults()).toEqual([]);
  });

  it('says that a recording is damaged', async () => {
    server.recordings = [recording(id, 'cam', { state: 'damaged' })];
    await render(Recording, { id, begin: 0, engineChoice: 'auto', routes });
    past?.listener.failed({ kind: 'network', detail: 'HTTP 404' });
    await expect.element(page.getByText(/is damaged/)).toBeVisible();
  });

  it('goes the other way where the media cannot be played, from where it was', async () => {
    await open();
    await vi.waitFor(() => expect(globalThis.millrace?.stats.recording?.position).toBe(130));
    past?.listener.failed({ kind: 'media', detail: 'decoder' });
    expect(vi.mocked(chooseEngine)).toHaveBeenCalledWith('dash', video());
    expect(globalThis.millrace?.stats.ways.at(-1)).toMatchObject({ engine: 'dash', because: 'decoder' });
    has({ currentTime: 0 });
    video().dispatchEvent(new Event('loadedmetadata'));
    expect(video().currentTime).toBe(130);
    live?.listener.failed({ kind: 'media', detail: 'decoder' });
    await expect.element(page.getByText(/could not go on with the recording/)).toBeVisible();
  });

  it('goes on by itself when the connection was lost, where it was', async () => {
    await open();
    await vi.waitFor(() => expect(globalThis.millrace?.stats.recording?.position).toBe(130));
    const before = past;
    past?.listener.failed({ kind: 'network', detail: 'fragLoadError' });
    await expect.element(page.getByText('Reconnecting…')).toBeVisible();
    await vi.waitFor(() => expect(past).not.toBe(before));
    expect(past?.source.begin).toEqual({ position: 130 });
  });
});

describe('the landing page', () => {
  it('shows pictures of what is live and recent recordings, without faults of accessibility', async () => {
    server.streams = [{ ...stream('garden', 'live', 12), ...kept }, stream('attic', 'offline')];
    server.recordings = [recording('0a1b2c3d4e5f', 'garden'), recording('ffffffffffff', 'garden', { state: 'recording' })];
    await render(Landing, { routes });
    await vi.waitFor(() => expect(document.querySelector<HTMLImageElement>('a[href="/watch/garden"] img')?.src).toMatch(/^blob:/));
    expect(server.requests.filter((url) => url.endsWith('.jpg'))).toEqual(['/live/garden/thumbnail.jpg']);
    await expect.element(page.getByRole('link', { name: /garden.*2026/ })).toHaveAttribute('href', '/recordings/0a1b2c3d4e5f');
    expect(document.querySelectorAll('a[href^="/recordings/"]')).toHaveLength(1);
    expect(await faults()).toEqual([]);
  });

  it('asks for no picture while nobody looks', async () => {
    const visible = vi.spyOn(document, 'visibilityState', 'get').mockReturnValue('hidden');
    server.streams = [{ ...stream('garden', 'live', 12), ...kept }];
    await render(Landing, { routes });
    await expect.element(page.getByRole('link', { name: /garden/ })).toBeVisible();
    await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
    expect(server.requests.some((url) => url.endsWith('.jpg'))).toBe(false);
    visible.mockReturnValue('visible');
    document.dispatchEvent(new Event('visibilitychange'));
    await vi.waitFor(() => expect(server.requests.some((url) => url.endsWith('.jpg'))).toBe(true));
    visible.mockRestore();
  });
});
