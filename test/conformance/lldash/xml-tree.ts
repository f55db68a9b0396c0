/** An element of an XML document. */
export type XmlElement = { readonly name: string; readonly attributes: Readonly<Record<string, string>>; readonly children: readonly XmlElement[]; readonly text: string };

type Building = { readonly name: string; readonly attributes: Record<string, string>; readonly children: XmlElement[]; text: string };

const token = /<\?[^>]*\?>|<!--[\s\S]*?-->|<\/([\w:.-]+)\s*>|<([\w:.-]+)((?:\s+[\w:.-]+\s*=\s*(?:"[^"<]*"|'[^'<]*'))*)\s*(\/?)>|([^<]+)/gy;
const attribute = /([\w:.-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/g;
const named: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

/** Reads a document without DTD and CDATA. Shares no code with the product. Throws an Error where it is not well formed. */
export function parseXml(document: string): XmlElement {
  const root: Building = { name: '', attributes: {}, children: [], text: '' };
  const open: Building[] = [root];
  token.lastIndex = 0;
  while (token.lastIndex < document.length) {
    const at = token.lastIndex;
    const found = token.exec(document);
    if (found === null) {
      throw new Error(`not well formed at character ${at}: ${document.slice(at, at + 40)}`);
    }
    const [, closes, opens, attributes = '', empty, text] = found;
    const inside = open.at(-1) as Building;
    if (text !== undefined) {
      inside.text += unescape(text);
    } else if (closes !== undefined) {
      if (open.length < 2 || inside.name !== closes) {
        throw new Error(`</${closes}> closes ${inside.name}`);
      }
      open.pop();
    } else if (opens !== undefined) {
      const element: Building = { name: opens, attributes: attributesOf(attributes), children: [], text: '' };
      inside.children.push(element);
      if (empty === '') {
        open.push(element);
      }
    }
  }
  const [document_] = root.children;
  if (open.length !== 1 || document_ === undefined || root.children.length !== 1 || root.text.trim() !== '') {
    throw new Error(`${open.at(-1)?.name ?? ''} is not closed, or there is not one root`);
  }
  return document_;
}

function attributesOf(text: string): Record<string, string> {
  const read: Record<string, string> = {};
  for (const [, name = '', double, single] of text.matchAll(attribute)) {
    if (Object.hasOwn(read, name)) {
      throw new Error(`attribute ${name} stands twice`);
    }
    read[name] = unescape(double ?? single ?? '');
  }
  return read;
}

function unescape(text: string): string {
  return text.replace(/&(?:#(\d+)|#x([\da-fA-F]+)|(\w+));|&/g, (whole, decimal?: string, hex?: string, name?: string) => {
    const code = decimal !== undefined ? Number(decimal) : hex !== undefined ? Number.parseInt(hex, 16) : undefined;
    const character = code !== undefined ? String.fromCodePoint(code) : named[name ?? ''];
    if (character === undefined) {
      throw new Error(`${whole} is no reference`);
    }
    return character;
  });
}
