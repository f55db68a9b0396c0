import { decodeAmf0, isAmfObject, type AmfObject, type AmfValue } from '#core/media/containers/flv/amf0.ts';
import { MillraceError } from '#core/runtime/errors.ts';

/** A command message (RTMP 1.0, 7.2) taken apart. */
export type Command = {
  readonly name: string;
  /** 0 where no answer is expected. */
  readonly transaction: number;
  /** Empty where it is null or absent. */
  readonly object: AmfObject;
  readonly args: readonly AmfValue[];
};

/** The app that broadcasters publish to. */
const APP = 'live';
/** Keys are at most 192 characters long (`<stream>_<secret>`); what is far above is not worth a look. */
const MAX_KEY = 512;
/** Longer addresses are cut before they are looked at. */
const MAX_URL = 1024;

/**
 * Parses the payload of a command message.
 *
 * @throws {MillraceError} `rtmp/malformed` where it has no name, `media/malformed` or `media/truncated` where it is no AMF0.
 */
export function parseCommand(payload: Uint8Array): Command {
  const [name, transaction, object, ...args] = decodeAmf0(payload);
  if (typeof name !== 'string') {
    throw new MillraceError('rtmp/malformed', 'command without a name');
  }
  return {
    name,
    transaction: typeof transaction === 'number' && Number.isFinite(transaction) ? transaction : 0,
    object: object !== undefined && isAmfObject(object) ? object : {},
    args,
  };
}

/** Why an app cannot be published to; undefined for `live`, whatever slashes or query follow. */
export function refusalOfApp(app: AmfValue): string | undefined {
  const name = typeof app === 'string' ? (app.split('?')[0] ?? '').replace(/^\/+|\/+$/g, '') : '';
  if (name === APP) {
    return undefined;
  }
  return name.startsWith(`${APP}/`)
    ? `The server's address ends after /${APP}. Put what follows it into the field for the stream key.`
    : `Publish to rtmp://HOST/${APP} with the stream key as stream name.`;
}

/**
 * Whether a server's address, an app or a stream name asks to be a backup (ADR 0013): by `backup=1` in the query, as other services have it too.
 * Encoders put the query of the server's address into both `app` and `tcUrl`.
 */
export function wantsBackup(...names: readonly AmfValue[]): boolean {
  return names.some((name) => {
    const query = typeof name === 'string' ? name.slice(0, MAX_URL).split('?').slice(1).join('&') : '';
    const value = new URLSearchParams(query).get('backup');
    return value !== null && ['1', 'true', 'yes', ''].includes(value.replace(/\/+$/, ''));
  });
}

/** The stream key that a `publish` names, query removed; undefined where there is none. */
export function keyOf(publishingName: AmfValue): string | undefined {
  const key = typeof publishingName === 'string' ? publishingName.split('?')[0] : undefined;
  return key === undefined || key === '' || key.length > MAX_KEY ? undefined : key;
}
