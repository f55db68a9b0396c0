import { parseStreamKey } from '#core/access/stream-key.ts';
import { bitrateText } from '../state/words.ts';
import type { CaptureFailure } from './capture/capture-error.ts';
import type { PublisherState } from './whip/publisher.ts';
import type { Limitation, Outbound } from './whip/outbound.ts';
import type { Trouble } from './whip/retry-rule.ts';

/** What is said of a state: one word or two for the badge, and a sentence where there is more to say. */
export type StateWords = { readonly badge: string; readonly detail: string | undefined };

/** What to do about trouble, by the server's code. Codes that are not here are told in the server's own words. */
const troubles: ReadonlyMap<string, string> = new Map([
  ['publish/no-key', 'Enter the stream key that the server’s owner gave you.'],
  ['publish/malformed-key', 'This is not a whole stream key. It looks like stream_secret: copy it again, all of it.'],
  ['publish/unknown-key', 'The server does not know this stream key. Copy it again, or ask the server’s owner for the right one.'],
  ['publish/too-many-attempts', 'Too many wrong keys came from your network. Wait a minute, then use the right one.'],
  ['ingest/stream-busy', 'Somebody is live on this stream already, perhaps you in another tab or in OBS. Stop there first.'],
  ['ingest/too-many-publishers', 'The server takes no more broadcasts at the moment.'],
  ['ingest/stopping', 'The server is being stopped or restarted.'],
  ['signalling/stopping', 'The server is being stopped or restarted.'],
  ['rtc/stopping', 'The server is being stopped or restarted.'],
  ['rtc/too-many-sessions', 'The server takes no more connections at the moment.'],
  ['sdp/no-common-codec', 'The server takes none of the codecs that this browser offers. Choose another codec, or another browser.'],
  ['sdp/unsupported', 'The server cannot take what this browser offers. Switch simulcast off, choose another codec, or another browser.'],
  ['studio/unreachable', 'The server cannot be reached. Check your network.'],
  ['studio/blocked', 'The server answers, but picture and sound do not get through to it: a firewall between you and it blocks WebRTC (port 8189, UDP and TCP).'],
  ['studio/lost', 'The connection was lost.'],
  ['studio/bad-answer', 'This browser cannot work with the server’s answer. Choose another codec, or another browser.'],
]);

/** Trouble in plain words. */
export function troubleText({ code, message }: Trouble): string {
  return troubles.get(code) ?? (code === 'http' ? `The server, or a proxy before it, refuses: ${message}. Is WebRTC switched on there?` : message);
}

/** What is wrong with a stream key, by its form; undefined where it may be one. */
export function whyNoKey(key: string): string | undefined {
  if (key === '') {
    return troubles.get('publish/no-key');
  }
  return parseStreamKey(key) === undefined ? troubles.get('publish/malformed-key') : undefined;
}

/** A state in plain words. */
export function stateWords(state: PublisherState): StateWords {
  switch (state.kind) {
    case 'idle':
      return { badge: 'Off air', detail: undefined };
    case 'connecting':
      return { badge: 'Connecting…', detail: state.trouble === undefined ? undefined : `${troubleText(state.trouble)} Trying again…` };
    case 'live':
      return { badge: 'Live', detail: undefined };
    case 'reconnecting':
      return { badge: 'Reconnecting…', detail: `${troubleText(state.trouble)} It goes on by itself.` };
    case 'refused':
      return { badge: 'Off air', detail: troubleText(state.trouble) };
  }
}

/** Why there is no picture or sound. */
export function captureText(failure: CaptureFailure, source: 'camera' | 'microphone' | 'screen'): string {
  switch (failure) {
    case 'denied':
      return `This page may not use the ${source}. Allow it in the browser (the icon beside the address), and in the system’s privacy settings.`;
    case 'missing':
      return `No ${source} is connected.`;
    case 'busy':
      return `The ${source} cannot be opened: another program may be using it.`;
    case 'cancelled':
      return 'No screen is shared.';
    case 'unsupported':
      return `This browser cannot use a ${source}.`;
    case 'other':
      return `The ${source} cannot be opened.`;
  }
}

/** What holds the picture back, and the cure; undefined where nothing does. */
export function limitationText(limitation: Limitation): string | undefined {
  switch (limitation) {
    case 'cpu':
      return 'This computer cannot encode as fast as asked, so the browser sends less. Choose fewer lines or frames, switch simulcast off, or close other programs.';
    case 'bandwidth':
      return 'The line to the server carries less than asked, so the picture was made worse. Choose a lower bit rate, or use a cable in place of wireless.';
    case 'other':
      return 'The browser sends less than asked.';
    case 'none':
      return undefined;
  }
}

/** What holds the best layer that is sent back. Layers that the line has no room for are not sent at all. */
export function worstLimitation({ layers }: Outbound): Limitation {
  return layers.find(({ limitation }) => limitation === 'cpu')?.limitation ?? layers.find(({ limitation }) => limitation !== 'none')?.limitation ?? 'none';
}

/** The figures of health. */
export function healthLines(outbound: Outbound): readonly (readonly [name: string, value: string])[] {
  const { bitrate, estimate, roundTrip, loss, audioBitrate, codec, encoder, transport } = outbound;
  return [
    ['Sent', estimate === undefined ? bitrateText(bitrate) : `${bitrateText(bitrate)} of ${bitrateText(estimate)}`],
    ['Round trip', roundTrip === undefined ? '–' : `${Math.round(roundTrip)} ms${transport === 'tcp' ? ' (TCP)' : ''}`],
    ['Packets lost', loss === undefined ? '–' : `${(loss * 100).toFixed(1)} %`],
    ['Sound', audioBitrate > 0 ? bitrateText(audioBitrate) : 'none'],
    ['Codec', codec === undefined ? '–' : `${codec}${encoder === undefined ? '' : ` (${encoder})`}`],
  ];
}
