import { malformed, tooLarge } from './errors.ts';
import { numberOf, wordsOf } from './lines.ts';
import type { Section } from './section.ts';
import type { OfferedSimulcast } from './session-offer.ts';

const MAX_RIDS = 16;
const MAX_SOURCES = 64;
const MAX_GROUPS = 32;
const MAX_SSRC = 0xffff_ffff;

/** RFC 8851, 10: `rid-id = 1*(alpha-numeric / "-" / "_")`; longer ones do not fit a header extension (RFC 8852, 3.1). */
const ridPattern = /^[A-Za-z0-9_-]{1,16}$/;

/** RFC 8851, 4: `a=rid:<id> <send|recv> [pt=<formats>;<restriction>=<value>;...]`. */
export function readRid(section: Section, value: string): void {
  const [id = '', direction, rest = ''] = wordsOf(value);
  if (!ridPattern.test(id) || (direction !== 'send' && direction !== 'recv')) {
    throw malformed('a=rid must be <1 to 16 of A-Z a-z 0-9 - _> <send|recv>.');
  }
  if (section.rids.length >= MAX_RIDS) {
    throw tooLarge(`An m-line may have ${MAX_RIDS} a=rid lines.`);
  }
  if (section.rids.some((rid) => rid.id === id)) {
    throw malformed('Two a=rid lines of one m-line have the same id.');
  }
  const pairs = rest.split(';').filter((part) => part !== '').map((part): [string, string] => {
    const equals = part.indexOf('=');
    return equals < 0 ? [part, ''] : [part.slice(0, equals), part.slice(equals + 1)];
  });
  const formats = pairs.find(([name]) => name === 'pt')?.[1];
  const payloadTypes = formats?.split(',').map((text) => numberOf(text, 127)).filter((type) => type !== undefined);
  section.rids.push({
    id,
    direction,
    ...(payloadTypes === undefined ? {} : { payloadTypes }),
    restrictions: Object.fromEntries(pairs.filter(([name]) => name !== 'pt')),
  });
}

/**
 * RFC 8853, 5.1: `a=simulcast:send <id>[,<alternative>]...;<id>... [recv ...]`; `~` before an id: paused at first. Of the
 * directions only `send` matters to a server that receives.
 */
export function readSimulcast(section: Section, value: string): void {
  const words = wordsOf(value);
  const list = words[words.indexOf('send') + 1];
  if (words.includes('send') && list !== undefined) {
    // Drafts before the RFC wrote `send rid=a;b`.
    section.simulcast = parseStreams(list.replace(/^rid=/, ''));
  }
}

function parseStreams(list: string): OfferedSimulcast {
  const send: string[] = [];
  const paused: string[] = [];
  for (const stream of list.split(';', MAX_RIDS)) {
    const first = stream.split(',', 1)[0] ?? '';
    const id = first.startsWith('~') ? first.slice(1) : first;
    if (!ridPattern.test(id)) {
      throw malformed('a=simulcast must list ids of a=rid.');
    }
    send.push(id);
    if (id !== first) {
      paused.push(id);
    }
  }
  return { send, paused };
}

/** RFC 5576, 4.1: `a=ssrc:<ssrc> <attribute>[:<value>]`. */
export function readSource(section: Section, value: string): void {
  const space = value.indexOf(' ');
  const ssrc = numberOf(space < 0 ? value : value.slice(0, space), MAX_SSRC);
  if (ssrc === undefined) {
    throw malformed('a=ssrc must begin with a number of 32 bits.');
  }
  const known = section.sources.get(ssrc);
  if (known === undefined && section.sources.size >= MAX_SOURCES) {
    throw tooLarge(`An m-line may have ${MAX_SOURCES} sources.`);
  }
  const source = known ?? {};
  section.sources.set(ssrc, source);
  const attribute = space < 0 ? '' : value.slice(space + 1).trim();
  if (attribute.startsWith('cname:')) {
    source.cname = attribute.slice('cname:'.length);
  } else if (attribute.startsWith('msid:')) {
    source.msid = attribute.slice('msid:'.length).trim();
  }
}

/** RFC 5576, 4.2: `a=ssrc-group:<semantics> <ssrc> ...`. */
export function readGroup(section: Section, value: string): void {
  const [semantics = '', ...words] = wordsOf(value);
  const ssrcs = words.slice(0, MAX_SOURCES).map((word) => numberOf(word, MAX_SSRC));
  if (semantics === '' || ssrcs.includes(undefined)) {
    throw malformed('a=ssrc-group must be <semantics> <ssrc> ....');
  }
  if (section.groups.length >= MAX_GROUPS) {
    throw tooLarge(`An m-line may have ${MAX_GROUPS} a=ssrc-group lines.`);
  }
  section.groups.push({ semantics, ssrcs: ssrcs.filter((ssrc) => ssrc !== undefined) });
}
