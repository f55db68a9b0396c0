import { malformed, tooLarge } from './errors.ts';
import { numberOf } from './lines.ts';
import type { Section } from './section.ts';

const MAX_PAYLOAD_TYPE = 127;
const MAX_FORMATS = 128;
const MAX_PARAMETERS = 64;
const MAX_FEEDBACK = 32;

/** RFC 8866, 6.6: `a=rtpmap:<payload type> <encoding name>/<clock rate>[/<channels>]`. */
export function readRtpmap(section: Section, value: string): void {
  const [payloadType, rest] = splitFormat(value, 'rtpmap');
  const [name = '', rate, channels = '1'] = rest.split('/');
  const clockRate = numberOf(rate, 1_000_000_000);
  const count = numberOf(channels.trim(), 255);
  if (!/^[!#$%&'*+\-.0-9A-Z^_`a-z{|}~]{1,64}$/.test(name) || clockRate === undefined || clockRate === 0 || count === undefined || count === 0) {
    throw malformed('a=rtpmap must be <payload type> <encoding name>/<clock rate>[/<channels>].');
  }
  section.rtpmaps.set(payloadType, { name: name.toLowerCase(), clockRate, channels: count });
  bounded(section.rtpmaps.size);
}

/** RFC 8866, 6.15: `a=fmtp:<format> <name>=<value>;...`. */
export function readFmtp(section: Section, value: string): void {
  const [payloadType, rest] = splitFormat(value, 'fmtp');
  const pairs: [string, string][] = [];
  for (const part of rest.split(';', MAX_PARAMETERS)) {
    const text = part.trim();
    if (text !== '') {
      const equals = text.indexOf('=');
      pairs.push(equals < 0 ? [text.toLowerCase(), ''] : [text.slice(0, equals).trim().toLowerCase(), text.slice(equals + 1).trim()]);
    }
  }
  section.fmtps.set(payloadType, Object.fromEntries(pairs));
  bounded(section.fmtps.size);
}

/** RFC 4585, 4.2: `a=rtcp-fb:<payload type or *> <type> [<parameter>]`. */
export function readFeedback(section: Section, value: string): void {
  const isForAll = value.startsWith('* ');
  const [payloadType, rest] = isForAll ? (['*', value.slice(2).trim()] as const) : splitFormat(value, 'rtcp-fb');
  const list = section.feedback.get(payloadType) ?? [];
  section.feedback.set(payloadType, list);
  bounded(section.feedback.size);
  if (list.length >= MAX_FEEDBACK) {
    throw tooLarge(`A payload type may have ${MAX_FEEDBACK} a=rtcp-fb lines.`);
  }
  list.push(rest.replace(/ +/g, ' '));
}

function splitFormat(value: string, attribute: string): readonly [payloadType: number, rest: string] {
  const space = value.indexOf(' ');
  const payloadType = numberOf(value.slice(0, Math.max(space, 0)), MAX_PAYLOAD_TYPE);
  const rest = value.slice(space + 1).trim();
  if (payloadType === undefined || rest === '') {
    throw malformed(`a=${attribute} must begin with a payload type from 0 to ${MAX_PAYLOAD_TYPE}.`);
  }
  return [payloadType, rest];
}

function bounded(count: number): void {
  if (count > MAX_FORMATS + 1) {
    throw tooLarge(`An m-line may have ${MAX_FORMATS} formats.`);
  }
}
