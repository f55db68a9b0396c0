import axe from 'axe-core';
import { page } from 'vitest/browser';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { cleanup, render } from 'vitest-browser-svelte';
import '../styles/base.css';
import { Routes } from '../address/address.ts';
import Studio from './Studio.svelte';
import { FakeDevices } from './testing/fake-devices.ts';
import { FakeWhip } from './testing/fake-whip.ts';

const routes = new Routes('/');
const key = 'cam_0123456789abcdef';
const busy = { status: 409, body: '{"code":"ingest/stream-busy","message":"Live already."}', retryAfter: '0' };

/** What axe finds wrong, in a form that a failed test shows well. */
async function faults(): Promise<string[]> {
  const { violations } = await axe.run(document, { rules: { 'landmark-one-main': { enabled: true } } });
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(' | ')}`);
}

describe('the studio', () => {
  let whip: FakeWhip;
  let devices: FakeDevices;

  const goLive = async (): Promise<void> => {
    await page.getByLabelText('Stream key').fill(key);
    await page.getByRole('button', { name: 'Go live' }).click();
  };
  const live = (): Promise<void> => expect.element(page.getByText('Live', { exact: true }), { timeout: 10_000 }).toBeVisible();

  beforeEach(() => {
    document.documentElement.lang = 'en';
    localStorage.clear();
    whip = new FakeWhip();
    devices = new FakeDevices();
    vi.stubGlobal('fetch', whip.fetch);
    Object.defineProperty(navigator, 'mediaDevices', { value: devices, configurable: true });
  });

  afterEach(async () => {
    // First: a page that is still there would offer its session to the next test's server.
    await cleanup();
    Reflect.deleteProperty(navigator, 'mediaDevices');
    vi.unstubAllGlobals();
    whip.cut();
    await devices.close();
    await page.viewport(414, 896);
  });

  it.each([[390, 844], [1280, 800]])('has no faults of accessibility off air and on air at %i pixels', async (width, height) => {
    await page.viewport(width, height);
    await render(Studio, { routes });
    expect(await faults()).toEqual([]);
    whip.warnings = [{ code: 'source/low-frame-rate', message: 'Fewer frames arrive than the encoder promises.', since: '2026-01-01T00:00:00Z' }];
    await goLive();
    await live();
    await expect.element(page.getByText(/^Fewer frames arrive/), { timeout: 5_000 }).toBeVisible();
    expect(await faults()).toEqual([]);
    expect(document.documentElement.scrollWidth).toBeLessThanOrEqual(width);
  });

  it('publishes picture and sound with the key as Bearer, tells of viewers, and says goodbye', async () => {
    await render(Studio, { routes });
    whip.viewers = 3;
    await goLive();
    await live();
    expect(whip.of('POST')).toMatchObject([{ path: '/whip', key }]);
    const [peer] = whip.sessions.values();
    expect(peer?.getReceivers().map(({ track }) => track.kind).sort()).toEqual(['audio', 'video']);
    await vi.waitFor(async () => expect([...((await peer?.getStats())?.values() ?? [])]).toContainEqual(expect.objectContaining({ type: 'inbound-rtp', kind: 'video', framesDecoded: expect.any(Number) })));
    await expect.element(page.getByText('3 viewers'), { timeout: 5_000 }).toBeVisible();
    await expect.element(page.getByRole('link', { name: 'Open the watch page' })).toHaveAttribute('href', '/watch/cam');
    await page.getByRole('button', { name: 'Stop' }).click();
    await vi.waitFor(() => expect(whip.of('DELETE')).toMatchObject([{ path: '/whip/cam/1', key }]));
    await expect.element(page.getByText('Off air')).toBeVisible();
  });

  it('offers layers with simulcast and one without, H.264 first', async () => {
    await render(Studio, { routes });
    await page.getByRole('button', { name: /^Turn on/ }).click();
    await expect.element(page.getByLabelText('Preview')).toBeVisible();
    await goLive();
    await live();
    await page.getByRole('button', { name: 'Stop' }).click();
    await page.getByRole('checkbox', { name: /simulcast/ }).click();
    await page.getByRole('button', { name: 'Go live' }).click();
    await live();
    const [several = '', one = ''] = whip.of('POST').map(({ body }) => body);
    expect(several).toContain('a=simulcast:send 180p;360p');
    expect(one).not.toContain('a=simulcast');
    const first = /^m=video \d+ \S+ (\d+)/m.exec(one)?.[1] ?? '';
    expect(new RegExp(`^a=rtpmap:${first} (\\S+)/90000`, 'm').exec(one)?.[1]).toMatch(/^(H264|VP8)$/);
  });

  it('comes back by itself when the server is gone, and while it holds the old session', async () => {
    await render(Studio, { routes });
    await goLive();
    await live();
    whip.mood = busy;
    whip.cut();
    await expect.element(page.getByText('Reconnecting…'), { timeout: 10_000 }).toBeVisible();
    await vi.waitFor(() => expect(whip.of('POST').length).toBeGreaterThan(2));
    whip.mood = 'takes';
    await live();
  });

  it('says what is wrong with a key, here and by the server, and does not ask again', async () => {
    await render(Studio, { routes });
    await page.getByRole('button', { name: 'Go live' }).click();
    await expect.element(page.getByText(/Enter the stream key/)).toBeVisible();
    await page.getByLabelText('Stream key').fill('cam_short');
    await page.getByRole('button', { name: 'Go live' }).click();
    await expect.element(page.getByText(/not a whole stream key/)).toBeVisible();
    expect(whip.requests).toEqual([]);
    whip.mood = { status: 401, body: '{"code":"publish/unknown-key","message":"x"}' };
    await goLive();
    await expect.element(page.getByText(/The server does not know this stream key/), { timeout: 5_000 }).toBeVisible();
    expect(await faults()).toEqual([]);
    expect(whip.of('POST')).toHaveLength(1);
  });

  it('keeps the key on the device only where that is ticked, and forgets it when it is not', async () => {
    await render(Studio, { routes });
    await goLive();
    await live();
    expect(JSON.stringify({ ...localStorage })).not.toContain(key);
    await page.getByRole('button', { name: 'Stop' }).click();
    await page.getByLabelText('Remember the key on this device').click();
    expect(JSON.stringify({ ...localStorage })).toContain(key);
    await page.getByLabelText('Remember the key on this device').click();
    expect(JSON.stringify({ ...localStorage })).not.toContain(key);
    expect(location.href).not.toContain(key);
  });

  it('mirrors a camera but no screen, and mixes the sound of both', async () => {
    await render(Studio, { routes });
    await page.getByRole('button', { name: /^Turn on/ }).click();
    await expect.element(page.getByLabelText('Preview')).toHaveClass('mirrored');
    await page.getByLabelText('Source').selectOptions('Screen, window or tab');
    await expect.element(page.getByText('Its sound is sent too.')).toBeVisible();
    await expect.element(page.getByLabelText('Preview')).not.toHaveClass('mirrored');
    // The camera is let go.
    expect(devices.tracks[0]?.readyState).toBe('ended');
    await goLive();
    await live();
    expect(whip.of('POST')[0]?.body.match(/^m=audio/gm)).toHaveLength(1);
  });

  it('takes the chosen camera, remembers it, and takes another when it is unplugged', async () => {
    await render(Studio, { routes });
    await page.getByRole('button', { name: /^Turn on/ }).click();
    await page.getByLabelText('Camera', { exact: true }).selectOptions('Camera c2');
    await vi.waitFor(() => expect(devices.asked.at(-1)).toMatchObject({ video: { deviceId: { exact: 'c2' } } }));
    expect(localStorage.getItem('millrace.studio')).toContain('"cameraId":"c2"');
    const before = devices.asked.length;
    // The preview shows the chosen one.
    await vi.waitFor(() => expect(document.querySelector('video')?.srcObject).toSatisfy((shown: MediaStream) => shown.getTracks()[0] === devices.tracks.at(-1)));
    devices.cameras = ['c1'];
    devices.tracks.at(-1)?.dispatchEvent(new Event('ended'));
    await vi.waitFor(() => expect(devices.asked.length).toBeGreaterThan(before));
  });

  it('stays on air while other choices are made, in the same session', async () => {
    await render(Studio, { routes });
    await goLive();
    await live();
    await page.getByLabelText('Bit rate').selectOptions('800 kbit/s');
    await page.getByLabelText('Source').selectOptions('Screen, window or tab');
    await expect.element(page.getByText('Its sound is sent too.')).toBeVisible();
    await page.getByRole('checkbox', { name: 'Microphone' }).click();
    await expect.element(page.getByText('Live', { exact: true })).toBeVisible();
    expect(whip.requests.map(({ method }) => method)).toEqual(['POST']);
  });

  it('says that devices were denied', async () => {
    devices.refuses = 'NotAllowedError';
    await render(Studio, { routes });
    await page.getByRole('button', { name: /^Turn on/ }).click();
    await expect.element(page.getByText(/This page may not use the camera/)).toBeVisible();
    await expect.element(page.getByText(/This page may not use the microphone/)).toBeVisible();
    expect(await faults()).toEqual([]);
  });

  it('says where it works, on a page that browsers do not trust', async () => {
    vi.stubGlobal('isSecureContext', false);
    await render(Studio, { routes });
    await expect.element(page.getByText(/only to pages that come over HTTPS/)).toBeVisible();
    expect(await faults()).toEqual([]);
  });
});
