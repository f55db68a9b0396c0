import { describe, expect, it } from 'vitest';
import { readBroadcast } from './broadcast-facts.ts';
import { captureFailure } from './capture/capture-error.ts';
import { sortDevices } from './capture/device-list.ts';
import { meterPosition } from './meter.ts';
import { whyNotHere } from './not-here.ts';
import { defaults, readSettings } from './settings.ts';
import { healthLines, stateWords, troubleText, worstLimitation } from './words.ts';

describe('remembered settings', () => {
  it('come back as they were', () => {
    const settings = { ...defaults, picture: 'none' as const, cameraId: 'c1', height: 1080, frameRate: 60, bitrate: 4_000_000, simulcast: false, codec: 'av1' as const, content: 'motion' as const, keep: 'frames' as const };
    expect(readSettings(JSON.stringify(settings))).toEqual(settings);
  });

  it.each([null, '', 'null', '7', '[]', '{"height":"720","codec":"h265","cameraId":5,"frameRate":1e9,"microphone":"no"}'])('that make no sense are the defaults: %j', (text) => {
    expect(readSettings(text)).toEqual(defaults);
  });

  it('do not begin with a screen, which has to be asked for anew', () => {
    expect(readSettings('{"picture":"screen"}').picture).toBe('camera');
  });
});

describe('the devices to choose', () => {
  it('have tidy names, and stand in the list once', () => {
    const device = (kind: MediaDeviceKind, deviceId: string, label: string) => ({ kind, deviceId, label });
    expect(
      sortDevices([
        device('audioinput', 'default', 'Default - Mic'), device('audioinput', 'm1', 'Mic'), device('audiooutput', 's1', 'Speaker'),
        device('videoinput', 'c1', 'HD Webcam (046d:0825)'), device('videoinput', 'c2', ''), device('videoinput', '', ''),
      ]),
    ).toEqual({ cameras: [{ id: 'c1', label: 'HD Webcam' }, { id: 'c2', label: 'Camera 2' }], microphones: [{ id: 'm1', label: 'Mic' }] });
  });
});

describe('a device that cannot be had', () => {
  it.each([
    ['NotAllowedError', 'device', 'denied'],
    ['NotAllowedError', 'screen', 'cancelled'],
    ['NotFoundError', 'device', 'missing'],
    ['OverconstrainedError', 'device', 'missing'],
    ['NotReadableError', 'device', 'busy'],
    ['NotSupportedError', 'screen', 'unsupported'],
    ['InvalidStateError', 'screen', 'other'],
  ] as const)('%s of a %s: %s', (name, source, failure) => {
    expect(captureFailure(new DOMException('', name), source)).toBe(failure);
  });
});

describe('the level meter', () => {
  it.each([[0, 0], [Number.NaN, 0], [0.0001, 0], [0.001, 0], [0.031_622_8, 0.5], [1, 1], [1.4, 1]])('for %f stands at %f', (level, position) => {
    expect(meterPosition(level)).toBeCloseTo(position, 3);
  });
});

describe('where browsers give no devices', () => {
  it('says over what the page came, and where it would work', () => {
    const { reason, cures } = whyNotHere({ protocol: 'http:', host: '192.0.2.7:8080', port: '8080' }, false);
    expect(reason).toContain('HTTP from 192.0.2.7:8080');
    expect(cures.join(' ')).toContain('http://localhost:8080/studio');
    expect(cures.join(' ')).toContain('ssh -L 8080:localhost:8080');
  });

  it('blames the browser where the page is secure', () => {
    expect(whyNotHere({ protocol: 'https:', host: 'tv.example', port: '' }, true).reason).toContain('This browser');
  });
});

describe('what the API tells a broadcaster', () => {
  it('are viewers and warnings, as far as they are there', () => {
    const warnings = [{ code: 'source/low-frame-rate', message: 'Few frames arrive.', since: '2026-01-01T00:00:00Z' }, { code: 5 }];
    expect(readBroadcast({ state: 'live', viewers: { total: 3 }, broadcaster: { warnings } })).toEqual({ state: 'live', viewers: 3, warnings: [{ code: 'source/low-frame-rate', message: 'Few frames arrive.' }] });
    expect(readBroadcast({ state: 'offline' })).toEqual({ state: 'offline', viewers: 0, warnings: [] });
    expect([readBroadcast(null), readBroadcast({ state: 'odd' })]).toEqual([undefined, undefined]);
  });
});

describe('the words', () => {
  it('are ours for the codes that we know, and the server\'s for others', () => {
    expect(troubleText({ code: 'ingest/stream-busy', message: 'x' })).toContain('Somebody is live on this stream already');
    expect(troubleText({ code: 'publish/other-stream', message: 'The key is of another stream.' })).toBe('The key is of another stream.');
    expect(troubleText({ code: 'http', message: 'HTTP 404' })).toContain('HTTP 404');
  });

  it('tell waiting from giving up', () => {
    const trouble = { code: 'studio/unreachable', message: '' };
    expect(stateWords({ kind: 'reconnecting', trouble }).detail).toMatch(/It goes on by itself\.$/);
    expect(stateWords({ kind: 'refused', trouble })).toEqual({ badge: 'Off air', detail: 'The server cannot be reached. Check your network.' });
    expect(stateWords({ kind: 'live' })).toEqual({ badge: 'Live', detail: undefined });
  });

  it('name the processor before the line: fewer bits do not help it', () => {
    const layer = { rid: undefined, active: true, width: 1, height: 1, frameRate: 1, bitrate: 1 };
    const outbound = { layers: [{ ...layer, limitation: 'bandwidth' as const }, { ...layer, limitation: 'cpu' as const }], audioBitrate: 0, bitrate: 1_200_000, roundTrip: undefined, loss: 0.014, estimate: 2_000_000, codec: 'VP8', encoder: undefined, transport: 'tcp' as const };
    expect(worstLimitation(outbound)).toBe('cpu');
    expect(worstLimitation({ ...outbound, layers: [] })).toBe('none');
    expect(healthLines({ ...outbound, roundTrip: 41.6 })).toEqual([['Sent', '1.2 Mbit/s of 2.0 Mbit/s'], ['Round trip', '42 ms (TCP)'], ['Packets lost', '1.4 %'], ['Sound', 'none'], ['Codec', 'VP8']]);
  });
});
