const MAX_NAME = 64;
/** From the most telling: browsers name their ancestors too. */
const NAMES: readonly RegExp[] = [/OBS-Studio\/[\w.-]+/, /GStreamer[\w ]*\/[\w.]+/, /Lavf\/[\d.]+/, /Edg\/\d+/, /OPR\/\d+/, /Firefox\/\d+/, /Chrome\/\d+/, /Version\/\d+(?=[\d.]* (?:Mobile\/\w+ )?Safari)/];

/** What a publisher's software calls itself, from its `User-Agent`. Shown, never trusted. */
export function encoderOf(userAgent: string | undefined): string | undefined {
  if (userAgent === undefined || userAgent === '') {
    return undefined;
  }
  const name = NAMES.map((pattern) => pattern.exec(userAgent)?.[0]).find((found) => found !== undefined) ?? userAgent;
  return name
    .replace('/', ' ')
    .replace(/^Version/, 'Safari')
    .replace(/^Edg /, 'Edge ')
    .replace(/^OPR/, 'Opera')
    .slice(0, MAX_NAME);
}
