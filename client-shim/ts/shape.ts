/**
 * Stanzas come in few shapes: the same tags and attributes in the same places, and other values in them. What
 * comes in a shape that was seen before is a clone of an earlier element with its own values put in: some
 * comparisons of text and one call of the DOM, where a tokeniser has to read each tag, and to make each
 * element.
 *
 * What the shapes have in common is kept as a tree: a stanza is followed along it from literal to literal,
 * and what stands between two is a value.
 */
import { attributeValue, textValue } from './escape.ts';
import { isDeclaration } from './scope.ts';

/** What is literal in a shape, up to where a value begins or the stanza ends. */
type Piece = Inner | Last;

interface Inner {
  readonly literal: string;
  /** What ends the value behind it: its quote, or for text the next tag. */
  readonly close: string;
  readonly next: Piece[];
}

interface Last {
  readonly literal: string;
  /** Made at the second sight: many a shape is seen but once. */
  template?: Template;
}

interface Template {
  readonly element: Element;
  readonly slots: readonly Slot[];
}

/** The place of a value. */
interface Slot {
  /** The way from the root to its node: which child of which. The slots of one node share it. */
  readonly path: readonly number[];
  /** The attribute; none for text. */
  readonly name: string | undefined;
  /** What the template holds, as it was written. */
  readonly value: string;
  /** Where that stood. */
  readonly start: number;
}

/**
 * How many shapes are remembered, and how long a stanza of them may be. A peer that never repeats itself must
 * not fill the memory.
 */
const LIMIT = 250;
const LONGEST = 8_192;

let beginnings: Piece[] = [];
let shapes = 0;

/**
 * The element of a stanza in a shape that is known, as its own root.
 *
 * @param text well-formed
 * @returns nothing when the shape is new
 */
export function reshaped(text: string): Element | undefined {
  const values: string[] = [];
  const last = follow(text, values);
  if (!last?.template) return undefined;
  const { element, slots } = last.template;
  const root = element.cloneNode(true) as Element;
  let node: Node = root;
  let at: readonly number[] | undefined;
  for (let index = 0; index < slots.length; index++) {
    const { path, name, value } = slots[index]!;
    const own = values[index]!;
    if (own === value) continue;
    if (path !== at) node = nodeAt(root, (at = path));
    if (name !== undefined) (node as Element).setAttribute(name, attributeValue(own));
    else (node as Text).data = textValue(own);
  }
  return root;
}

/** Remembers the shape of a stanza whose element was made otherwise; answers with that. */
export function remember(text: string, element: Element): Element {
  if (text.length > LONGEST || /<[!?]/.test(text)) return element;
  const known = follow(text, []);
  // A slice keeps all that it was cut from: a batch, were this not a copy.
  const copy = ` ${text}`.slice(1);
  const slots = slotsOf(copy);
  if (known) known.template = { element: element.cloneNode(true) as Element, slots };
  else enter(copy, slots);
  return element;
}

/** Goes from literal to literal; what stands between them is added to `values`. */
function follow(text: string, values: string[]): Last | undefined {
  let pieces = beginnings;
  let at = 0;
  search: for (;;) {
    for (const piece of pieces) {
      const { literal } = piece;
      if (!text.startsWith(literal, at)) continue;
      const start = at + literal.length;
      if (!('next' in piece)) return piece;
      const end = text.indexOf(piece.close, start);
      // No text is no text node either: that is another shape.
      if (end < 0 || (end === start && piece.close === '<')) continue;
      values.push(text.slice(start, end));
      at = end;
      pieces = piece.next;
      continue search;
    }
    return undefined;
  }
}

function enter(text: string, slots: readonly Slot[]): void {
  if (++shapes > LIMIT) {
    beginnings = [];
    shapes = 1;
  }
  let pieces = beginnings;
  let at = 0;
  for (const { name, value, start } of slots) {
    const literal = text.slice(at, start);
    let piece = pieces.find((known): known is Inner => 'next' in known && known.literal === literal);
    if (!piece)
      pieces.push((piece = { literal, close: name === undefined ? '<' : text.charAt(start - 1), next: [] }));
    pieces = piece.next;
    at = start + value.length;
  }
  pieces.push({ literal: text.slice(at) });
}

/**
 * The beginning of a tag; with a slash, of an end tag; the end of an empty element; an attribute; text. Each
 * is taken whole, so nothing within one is taken for another.
 */
const PARTS = /<(\/?)|(\/)(?=>)|([^\s=<>/]+)\s*=\s*("[^"]*"|'[^']*')|>([^<]+)/g;

/** The values of a stanza, in order. Declarations of namespaces are none: they say what the names mean. */
function slotsOf(text: string): Slot[] {
  const slots: Slot[] = [];
  /**
   * The elements that are open, the inner ones first: the path to each, and how many children it has so far.
   */
  const open: { path: readonly number[]; children: number }[] = [];
  for (const { 0: part, 1: ends, 2: empty, 3: name, 4: quoted, 5: content, index } of text.matchAll(PARTS)) {
    const within = open[0];
    if (ends || empty) open.shift();
    else if (ends === '')
      open.unshift({ path: within ? [...within.path, within.children++] : [], children: 0 });
    else if (!within) break;
    else if (content)
      slots.push({
        path: [...within.path, within.children++],
        name: undefined,
        value: content,
        start: index + 1,
      });
    else if (!isDeclaration(name!))
      slots.push({
        path: within.path,
        name,
        value: quoted!.slice(1, -1),
        start: index + part.length - quoted!.length + 1,
      });
  }
  return slots;
}

function nodeAt(root: Node, path: readonly number[]): Node {
  let node = root;
  for (const index of path) node = (index === 0 ? node.firstChild : node.childNodes[index])!;
  return node;
}
