import type { Millis, WallTime } from '#core/media/time.ts';

/** Attributes of an element; those without a value are left out. */
export type Attributes = Readonly<Record<string, string | number | boolean | undefined>>;

/** Writes an element (XML 1.0, 3.1). `content` is markup already. */
export function element(name: string, attributes: Attributes, ...content: readonly string[]): string {
  let text = `<${name}`;
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== undefined) {
      text += ` ${key}="${escapeXml(String(value))}"`;
    }
  }
  const inner = content.join('');
  return inner === '' ? `${text}/>` : `${text}>${inner}</${name}>`;
}

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', '\t': '&#9;', '\n': '&#10;', '\r': '&#13;' };

/** Text for content or a quoted attribute. What XML 1.0 (2.2) has no way to write becomes U+FFFD. */
export function escapeXml(text: string): string {
  return text.toWellFormed().replace(/[&<>"\t\n\r]/g, (found) => entities[found] as string).replace(/[^\u0020-\uFFFD\u{10000}-\u{10FFFF}]/gu, '\uFFFD');
}

/** A duration as `xs:duration`, to a millisecond: `PT12.345S`. */
export function isoDuration(duration: Millis): string {
  return `PT${Math.round(duration) / 1000}S`;
}

/** An instant as `xs:dateTime` in UTC, to a millisecond. */
export function isoInstant(at: WallTime): string {
  return new Date(Math.round(at)).toISOString();
}
