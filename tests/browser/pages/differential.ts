/**
 * Compares parseStanza and the tokeniser with DOMParser: the same text must give the same DOM. Runs
 * in a page of any browser and, with jsdom, in Node.js.
 *
 * `differential(seed, count)` compares a table of cases and `count` generated ones, and returns
 * those that differ.
 */
import { parseStanza } from '../../../client-shim/ts/parse.ts';
import { tokenise } from '../../../client-shim/ts/tokeniser.ts';

/** A text for which the trees differ, with both trees. */
export interface Mismatch {
  text: string;
  expected: string;
  actual: string;
}

/** Hand-written cases: each is a peculiarity of XML. */
export const CASES: readonly string[] = [
  '<a/>',
  '<a></a>',
  '<a />',
  '<a\n/>',
  '<a></a >',
  ' \n<a/>\n ',
  '<?xml version="1.0"?><a/>',
  "<?xml version='1.0' encoding='UTF-8'?>\n<a>x</a>",
  '<a>text</a>',
  '<a> </a>',
  '<a>\n\t</a>',
  '<a>one<b/>two<c>three</c>four</a>',
  '<message xmlns="jabber:client" to="a@b" type="chat"><body>hi</body></message>',
  "<message xmlns='jabber:client' to='a\"b'><body>hi</body></message>",
  '<a x="it\'s > that"/>',
  '<a x = "1" y\n=\n\'2\'/>',
  '<a x=""/>',
  '<a x="1" y="2"/>',
  '<a xmlns="u"><b xmlns="v"><c/></b><d/></a>',
  '<a xmlns="u"><b xmlns=""><c/></b><d/></a>',
  '<a xmlns="u"><b xmlns="v"/><d/></a>',
  '<p:a xmlns:p="u" p:x="1" x="2"/>',
  '<c:message xmlns:c="jabber:client" from="a@b" id="1"><c:body>hello</c:body><x:q xmlns:x="u" x:y="1" xmlns="v"><r/></x:q></c:message>',
  '<c:iq xmlns:c="jabber:client" xmlns="u" type="get"><query/><c:query c:type="set"/></c:iq>',
  '<p:a xmlns:p="u"><p:b xmlns:p="v"><p:c/></p:b><p:d/></p:a>',
  '<a xmlns="u" xmlns:p="v"><p:b><c xmlns:q="w" q:x="1" p:x="2"/></p:b><p:c/></a>',
  '<p:a x="1" p:y="2" xmlns:p="u"/>',
  '<a x="1" xmlns="u"/>',
  '<stream:features xmlns:stream="http://etherx.jabber.org/streams"><bind xmlns="urn:ietf:params:xml:ns:xmpp-bind"/></stream:features>',
  '<a xml:lang="de" xml:space="preserve"><b xml:lang="en"/></a>',
  '<xml-ish x-y="1" xmlnsx="2"/>',
  '<a>&lt;&gt;&amp;&quot;&apos;</a>',
  '<a x="&lt;&gt;&amp;&quot;&apos;"/>',
  '<a>&amp;lt; &amp;#65;</a>',
  '<a>&#65;&#x42;&#x1F600;&#128512;</a>',
  '<a x="&#65;&#x42;&#x1F600;"/>',
  '<a>a&#13;b&#10;c&#9;d</a>',
  '<a x="a&#13;b&#10;c&#9;d"/>',
  '<a>a\r\nb\rc\nd\te</a>',
  '<a x="a\r\nb\rc\nd\te  f "/>',
  '<a>\r\n\r\r\n</a>',
  '<a><![CDATA[<b>&amp;</b>]]></a>',
  '<a>x<![CDATA[y]]>z</a>',
  '<a><![CDATA[x]]><![CDATA[y]]></a>',
  '<a><![CDATA[]]></a>',
  '<a><![CDATA[a]]]]><![CDATA[>b]]></a>',
  '<a><![CDATA[a\r\nb]]></a>',
  '<a>]] > ]]&gt; " \' ></a>',
  '<ä ö="ü">ß𐍈😀</ä>',
  '<a.b-c_d e.f-g_h="1"/>',
  '<_/>',
  '<a><a><a><a><a/></a></a></a></a>',
  '<html xmlns="http://www.w3.org/1999/xhtml"><BODY CLASS="X"><p>a<br/>b</p><img src="data:,"/></BODY></html>',
  '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"><use xlink:href="#a" viewBox="0 0 1 1"/></svg>',
  '<a constructor="1" __proto__="2"><toString/><hasOwnProperty xmlns:__proto__="u" xmlns:constructor="v" constructor:x="3"/></a>',
  `<a>${'long '.repeat(20_000)}</a>`,
  `<a>${'x&amp;'.repeat(2_000)}</a>`,
];

/**
 * Compares the table and `count` texts that `seed` determines. Each text is followed by two more of
 * its shape, since a shape seen before is parsed in another way.
 */
export function differential(seed: number, count: number): Mismatch[] {
  const random = generator(seed);
  const generated = Array.from({ length: count }, () => {
    const structure = random(2 ** 32);
    return [1, 2, 3].map((values) => document_(generator(structure), generator(structure + values)));
  });
  return [...CASES.map((text) => [text, text, text]), ...generated].flatMap(
    (alike) => alike.map(compare).find(Boolean) ?? [],
  );
}

function compare(text: string): Mismatch | undefined {
  const parsed = new DOMParser().parseFromString(text, 'text/xml').documentElement;
  const expected = describe(parsed);
  const actual = [tokenise, parseStanza]
    .map((make) => attempt(make, text))
    .find((actual) => actual !== expected);
  return actual === undefined ? undefined : { text, expected, actual };
}

function attempt(make: (text: string) => Element, text: string): string {
  try {
    const element = make(text);
    if (element.parentNode !== null || element.getRootNode() !== element) return 'not its own root';
    return describe(element);
  } catch (thrown) {
    return String(thrown);
  }
}

/**
 * All properties of a tree. Attributes are sorted by name, since their order differs between browsers.
 */
function describe(node: Node, depth = 0): string {
  const line = '\n' + ' '.repeat(depth) + node.nodeType + ' ';
  if (node.nodeType !== Node.ELEMENT_NODE) return line + JSON.stringify(node.nodeValue);
  const element = node as Element;
  const { tagName, prefix, localName, namespaceURI } = element;
  const attributes = [...element.attributes]
    .map(({ name, prefix, localName, namespaceURI, value }) =>
      JSON.stringify([name, prefix, localName, namespaceURI, value]),
    )
    .sort();
  const kind = Object.prototype.toString.call(element);
  const children = [...element.childNodes].map((child) => describe(child, depth + 1));
  return (
    line +
    JSON.stringify([tagName, prefix, localName, namespaceURI, kind]) +
    attributes.join() +
    children.join('')
  );
}

type Random = (below: number) => number;

// mulberry32: small, and the same in every browser.
function generator(seed: number): Random {
  return (below) => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

const NAMES = ['a', 'body', 'message', 'x', 'delay-stamp', 'é', 'Item', 'xmlnot', 'toString'];
const PREFIXES = ['p', 'q', 'stream', 'xmlish'];
const NAMESPACES = [
  'jabber:client',
  'urn:xmpp:delay',
  'http://jabber.org/protocol/muc#user',
  'http://www.w3.org/1999/xhtml',
  'u&amp;v',
];
const TEXTS = [
  'hi',
  ' ',
  '\n',
  '\r\n',
  '\r',
  '\t',
  '&lt;',
  '&amp;',
  '&#10;',
  '&#xd;',
  '&#x1F600;',
  '😀',
  '"',
  "'",
  '>',
  ']]',
  '&apos;',
  '/',
  '=',
  'ß',
];

/** A document: `random` determines the tags, `values` the values and texts. */
function document_(random: Random, values: Random): string {
  const pick = <T>(from: readonly T[]): T => from[random(from.length)] as T;
  const space = (): string => pick(['', '', '', ' ', '\n']);
  const declaration = random(8) === 0 ? '<?xml version="1.0"?>' : '';

  function element(bound: readonly string[], depth: number): string {
    const inner = [...bound];
    const attributes = new Map<string, string>();
    if (random(3) === 0) attributes.set('xmlns', random(6) === 0 ? '' : pick(NAMESPACES));
    if (random(5) === 0) {
      const prefix = pick(PREFIXES);
      inner.push(prefix);
      attributes.set(`xmlns:${prefix}`, pick(NAMESPACES));
    }
    if (random(9) === 0) attributes.set('xml:lang', 'en');
    for (let i = random(4); i > 0; i--) attributes.set(pick(NAMES), text(/[<]/g));
    // At most one attribute has a prefix: two prefixes of the same namespace would make a duplicate.
    if (inner.length && random(3) === 0) attributes.set(`${pick(inner)}:${pick(NAMES)}`, text(/[<]/g));
    const shuffled = [...attributes].sort(() => random(3) - 1);
    const name = inner.length && random(3) === 0 ? `${pick(inner)}:${pick(NAMES)}` : pick(NAMES);
    const tag = shuffled.map(([name, value]) => {
      const quote = pick(['"', "'"]);
      return ` ${space()}${name}${space()}=${space()}${quote}${value.replaceAll(quote, '')}${quote}`;
    });
    const content = children(inner, depth);
    if (!content && random(2)) return `<${name}${tag.join('')}${space()}/>`;
    return `<${name}${tag.join('')}${space()}>${content}</${name}${space()}>`;
  }

  function children(bound: readonly string[], depth: number): string {
    let content = '';
    for (let i = random(5); i > 0; i--) {
      const kind = random(8);
      if (kind < 3 && depth < 5) content += element(bound, depth + 1);
      else if (kind === 7) content += `<![CDATA[${text(/\]/g)}]]>`;
      else content += text(/\]/g);
    }
    return content;
  }

  function text(without: RegExp): string {
    return Array.from({ length: values(5) }, () => TEXTS[values(TEXTS.length)])
      .join('')
      .replace(without, '');
  }

  return declaration + element([], 0);
}

Object.assign(globalThis, { differential });
