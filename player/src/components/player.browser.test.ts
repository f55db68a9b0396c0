import axe from 'axe-core';
import { page, userEvent } from 'vitest/browser';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { render } from 'vitest-browser-svelte';
import '../styles/base.css';
import { Routes } from '../address/address.ts';
import { chooseEngine } from '../engine/choose-engine.ts';
import Embed from '../pages/Embed.svelte';
import Landing from '../pages/Landing.svelte';
import Watch from '../pages/Watch.svelte';
// Loaded when it is needed: named here, so that the test server knows it from the beginning.
import './plot/plot.ts';
import { FakeEngine, sixRungs, twoRungs } from '../testing/fake-engine.ts';
import { FakeEventSource, FakeServer, stream } from '../testing/fake-server.ts';

vi.mock('../engine/choose-engine.ts', () => ({ chooseEngine: vi.fn() }));

const routes = new Routes('/');

/** What axe finds wrong, in a form that a failed test shows well. */
async function faults(): Promise<string[]> {
  const { violations } = await axe.run(document, { rules: { 'landmark-one-main': { enabled: true } } });
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(' | ')}`);
}

describe('the pages', () => {
  let engine: FakeEngine | undefined;
  let server: FakeServer;

  const video = (): HTMLVideoElement => {
    const [only, ...others] = document.querySelectorAll('video');
    if (only === undefined || others.length > 0) {
      throw new Error('A playing page holds exactly one <video>.');
    }
    return only;
  };
  /** The picture begins to move, as far as the page can tell. */
  const play = (): void => {
    Object.defineProperty(video(), 'paused', { get: () => false, configurable: true });
    engine?.listener.rungs(twoRungs);
    engine?.listener.shown(1);
    video().dispatchEvent(new Event('playing'));
  };

  beforeEach(() => {
    document.documentElement.lang = 'en';
    document.title = 'Millrace';
    FakeEventSource.all = [];
    server = new FakeServer();
    vi.stubGlobal('fetch', server.fetch);
    vi.stubGlobal('EventSource', FakeEventSource);
    vi.mocked(chooseEngine).mockImplementation(() => ({
      ways: [
        {
          kind: 'hls',
          make: ({ listener }) => {
            engine = new FakeEngine(listener);
            return engine;
          },
        },
      ],
    }));
  });

  afterEach(async () => {
    await page.viewport(414, 896);
    vi.unstubAllGlobals();
  });

  it('list what is live, without faults of accessibility', async () => {
    server.streams = [stream('garden', 'live', 12), stream('mill-race', 'interrupted', 1), stream('attic', 'offline')];
    await render(Landing, { routes });
    await expect.element(page.getByRole('link', { name: /garden/ })).toHaveAttribute('href', '/watch/garden');
    await expect.element(page.getByText('12 viewers')).toBeVisible();
    await expect.element(page.getByText('2 streams are on air')).toBeVisible();
    await expect.element(page.getByRole('link', { name: 'attic' })).toHaveAttribute('href', '/watch/attic');
    expect(await faults()).toEqual([]);
  });

  it('say that nothing is live, and that the server does not answer', async () => {
    await render(Landing, { routes });
    await expect.element(page.getByText('Nothing is on air at the moment')).toBeVisible();
    expect(await faults()).toEqual([]);
  });

  it('play with controls, without faults of accessibility', async () => {
    await render(Watch, { stream: 'cam', engineChoice: 'auto', routes });
    play();
    await expect.element(page.getByRole('button', { name: 'Pause' })).toBeVisible();
    await expect.element(page.getByRole('button', { name: /^Live, 0\.[67] s behind$/ })).toBeVisible();
    expect(await faults()).toEqual([]);
  });

  it('say that the stream is off air, and start by themselves', async () => {
    server.state = 'offline';
    await render(Watch, { stream: 'cam', engineChoice: 'auto', routes });
    engine?.listener.failed({ kind: 'offline', detail: 'HTTP 404' });
    await expect.element(page.getByText('cam is off air')).toBeVisible();
    expect(await faults()).toEqual([]);
    const before = engine;
    FakeEventSource.all[0]?.send('live');
    await vi.waitFor(() => expect(engine).not.toBe(before));
    play();
    await expect.element(page.getByText('cam is off air')).not.toBeInTheDocument();
    video();
  });

  it('offer the renditions and say which is playing, by keyboard too', async () => {
    await render(Watch, { stream: 'cam', engineChoice: 'auto', routes });
    play();
    await page.getByRole('button', { name: 'Quality: auto, 720p is playing' }).click();
    await expect.element(page.getByRole('menuitemradio', { name: /Auto/ })).toHaveFocus();
    await expect.element(page.getByRole('menuitemradio', { name: '720p playing' })).toBeVisible();
    expect(await faults()).toEqual([]);
    await userEvent.keyboard('{ArrowDown}{ArrowDown}');
    await expect.element(page.getByRole('menuitemradio', { name: /240p/ })).toHaveFocus();
    await userEvent.keyboard('{Enter}');
    expect(engine?.choice).toBe(0);
    await expect.element(page.getByRole('menu')).not.toBeInTheDocument();
    await expect.element(page.getByRole('button', { name: /^Quality: 240p/ })).toHaveFocus();
    await userEvent.keyboard('{Enter}');
    await userEvent.keyboard('{Escape}');
    await expect.element(page.getByRole('menu')).not.toBeInTheDocument();
  });

  it.each([
    ['two', twoRungs],
    ['six', sixRungs],
  ])('show the whole menu of %s renditions on a phone, as a sheet over the page', async (_count, rungs) => {
    await page.viewport(390, 844);
    await render(Watch, { stream: 'cam', engineChoice: 'auto', routes });
    play();
    engine?.listener.rungs(rungs);
    const opener = page.getByRole('button', { name: /^Quality/ });
    await opener.click();
    const menu = page.getByRole('menu').element();
    const items = [...menu.querySelectorAll('[role^="menuitem"]')];
    expect(items).toHaveLength(rungs.length + 2);
    for (const item of items) {
      const { left, right, top, bottom, height } = item.getBoundingClientRect();
      expect(height).toBeGreaterThanOrEqual(44);
      expect(item.contains(document.elementFromPoint((left + right) / 2, top + 1))).toBe(true);
      expect(item.contains(document.elementFromPoint((left + right) / 2, bottom - 1))).toBe(true);
    }
    await expect.element(page.getByRole('menuitemradio', { name: /Auto/ })).toHaveFocus();
    expect(await faults()).toEqual([]);
    await userEvent.click(document.body, { position: { x: 195, y: 60 } });
    await expect.element(page.getByRole('menu')).not.toBeInTheDocument();
    await expect.element(page.getByRole('button', { name: 'Pause' })).toBeVisible();
    await opener.click();
    await page.getByRole('menuitemcheckbox', { name: 'Statistics' }).click();
    await expect.element(page.getByRole('complementary', { name: 'Statistics' })).toBeVisible();
  });

  it('keep the menu above the bar where it fits', async () => {
    await page.viewport(1280, 800);
    await render(Watch, { stream: 'cam', engineChoice: 'auto', routes });
    play();
    engine?.listener.rungs(sixRungs);
    await page.getByRole('button', { name: /^Quality/ }).click();
    const { bottom } = page.getByRole('menu').element().getBoundingClientRect();
    expect(bottom).toBeLessThan(page.getByRole('button', { name: /^Quality/ }).element().getBoundingClientRect().top);
    expect(document.querySelector(':popover-open')).toBeNull();
  });

  it('obey the keys', async () => {
    await render(Watch, { stream: 'cam', engineChoice: 'auto', routes });
    play();
    video().muted = false;
    await userEvent.keyboard('m');
    expect(video().muted).toBe(true);
    await expect.element(page.getByRole('button', { name: 'Turn sound on' }).first()).toBeVisible();
    await userEvent.keyboard('m');
    expect(video().muted).toBe(false);
    video().volume = 0.5;
    await userEvent.keyboard('{ArrowDown}{ArrowDown}{ArrowUp}');
    await vi.waitFor(() => expect(video().volume).toBeCloseTo(0.45));
    await userEvent.keyboard('i');
    await expect.element(page.getByRole('complementary', { name: 'Statistics' })).toBeVisible();
    expect(await faults()).toEqual([]);
    await userEvent.keyboard('i');
    await userEvent.keyboard('?');
    await expect.element(page.getByRole('dialog', { name: 'Keyboard shortcuts' })).toBeVisible();
    expect(await faults()).toEqual([]);
    await userEvent.keyboard('{Escape}');
    await expect.element(page.getByRole('dialog')).not.toBeInTheDocument();
  });

  it.each([
    [390, 844],
    [1280, 800],
    [844, 390],
  ])('show figures and plots at %i x %i, clear of the controls, without faults of accessibility', async (width, height) => {
    await page.viewport(width, height);
    await render(Watch, { stream: 'cam', engineChoice: 'auto', routes });
    play();
    await userEvent.keyboard('i');
    const panel = page.getByRole('complementary', { name: 'Statistics' });
    await expect.element(panel.getByRole('img', { name: /^Latency/ })).toBeVisible();
    await vi.waitFor(() => expect(panel.getByRole('img').elements()).toHaveLength(5));
    await expect.element(panel.getByRole('img', { name: /^Latency in the last two minutes: now [67]\d\d ms/ })).toBeInTheDocument();
    const box = panel.element().getBoundingClientRect();
    const controls = [...document.querySelectorAll('.bar button')].map((control) => control.getBoundingClientRect()).filter((control) => control.width > 0);
    expect(controls.length).toBeGreaterThan(3);
    expect(controls.filter((control) => box.left < control.right && control.left < box.right && box.top < control.bottom && control.top < box.bottom)).toEqual([]);
    expect(box.left).toBeGreaterThanOrEqual(0);
    expect(box.right).toBeLessThanOrEqual(width);
    expect(box.height).toBeGreaterThan(300);
    expect(await faults()).toEqual([]);
    // It can be scrolled by keys, and everything in it can be seen.
    const body = panel.getByRole('group', { name: 'Figures and plots' }).element() as HTMLElement;
    body.focus();
    expect(document.activeElement).toBe(body);
    expect(body.scrollWidth).toBeLessThanOrEqual(body.clientWidth);
    await userEvent.keyboard('{Escape}');
    await expect.element(panel).not.toBeInTheDocument();
  });

  it('keep the figures from before the statistics were opened', async () => {
    await render(Watch, { stream: 'cam', engineChoice: 'auto', routes });
    play();
    await new Promise((resolve) => setTimeout(resolve, 2_100));
    await userEvent.keyboard('i');
    const plot = page.getByRole('img', { name: /^Latency in the last two minutes/ });
    await expect.element(plot).toBeVisible();
    await vi.waitFor(() => expect(plot.element().querySelector('canvas')?.width).toBeGreaterThan(0));
  });

  it('leave keys to the control that has the focus', async () => {
    await render(Watch, { stream: 'cam', engineChoice: 'auto', routes });
    play();
    const pause = vi.spyOn(video(), 'pause');
    const mute = page.getByRole('button', { name: 'Turn sound off' });
    await expect.element(mute).toBeVisible();
    (mute.element() as HTMLElement).focus();
    await userEvent.keyboard(' ');
    expect(video().muted).toBe(true);
    expect(pause).not.toHaveBeenCalled();
    await userEvent.keyboard('k');
    expect(pause).toHaveBeenCalledOnce();
  });

  it('offer sound when the browser began without it', async () => {
    await render(Embed, { stream: 'cam', engineChoice: 'auto', routes });
    play();
    video().muted = true;
    const unmute = page.getByText('Turn sound on');
    await expect.element(unmute).toBeVisible();
    await unmute.click();
    expect(video().muted).toBe(false);
    expect(await faults()).toEqual([]);
  });

  it('say in plain words what is the matter', async () => {
    await render(Embed, { stream: 'cam', engineChoice: 'auto', routes });
    play();
    server.state = 'interrupted';
    engine?.listener.failed({ kind: 'network', detail: 'gone' });
    await expect.element(page.getByText('The broadcaster lost connection')).toBeVisible();
    expect(await faults()).toEqual([]);
  });

  it('say why a way is not there', async () => {
    vi.mocked(chooseEngine).mockImplementation(() => ({ refusal: 'This server does not offer WebRTC yet.' }));
    await render(Embed, { stream: 'cam', engineChoice: 'webrtc', routes });
    await expect.element(page.getByText('This server does not offer WebRTC yet.')).toBeVisible();
  });

  it('tell integrators how it goes', async () => {
    await render(Embed, { stream: 'cam', engineChoice: 'auto', routes });
    play();
    expect(globalThis.millrace?.stats).toMatchObject({ state: 'playing', engine: 'hls', level: 1, stalls: 0, choice: 'auto' });
    globalThis.millrace?.setLevel(0);
    expect(engine?.choice).toBe(0);
    // It has to survive the way out of the page.
    expect(structuredClone(globalThis.millrace?.stats)).toMatchObject({ choice: 0 });
  });
});
