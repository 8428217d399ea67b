/**
 * Makes elements by cloning. Stanzas come in few shapes: the same tags and attributes in the same
 * places, with other values. For a stanza of a known shape, an earlier element is cloned and the
 * stanza's own values are put in: some string comparisons and one call of the DOM, where a
 * tokeniser would read each tag and make each element.
 *
 * The known shapes form a tree: a stanza is followed from literal to literal, and the text between
 * two literals is a value.
 */
import { attributeValue, textValue } from './escape.ts';
import { isDeclaration } from './scope.ts';

/** A literal part of a shape, up to the next value or to the end of the stanza. */
type Piece = Inner | Last;

interface Inner {
  readonly literal: string;
  /** Ends the value that follows: its quote, or for text the `<` of the next tag. */
  readonly close: string;
  readonly next: Piece[];
}

interface Last {
  readonly literal: string;
  /** Made when the shape is seen for the second time: many shapes occur only once. */
  template?: Template;
}

interface Template {
  readonly element: Element;
  readonly slots: readonly Slot[];
}

/** The place of a value in a shape. */
interface Slot {
  /**
   * The way from the root to the node, as indices of children. Slots of the same node share this array.
   */
  readonly path: readonly number[];
  /** The name of the attribute; `undefined` for text. */
  readonly name: string | undefined;
  /** The template's value, unresolved. */
  readonly value: string;
  /** The index of that value in the template's text. */
  readonly start: number;
}

/**
 * The number of shapes kept, and the longest stanza considered: a peer that never repeats a shape
 * must not fill the memory.
 */
const LIMIT = 250;
const LONGEST = 8_192;

let beginnings: Piece[] = [];
let shapes = 0;

/**
 * The element of a stanza of a known shape, without a parent; `undefined` if the shape is new.
 *
 * @param text must be well-formed
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

/** Remembers the shape of a stanza, and returns the element, which was made without a template. */
export function remember(text: string, element: Element): Element {
  if (text.length > LONGEST || /<[!?]/.test(text)) return element;
  const known = follow(text, []);
  // A slice would keep the whole batch that it was cut from alive; concatenating copies.
  const copy = ` ${text}`.slice(1);
  const slots = slotsOf(copy);
  if (known) known.template = { element: element.cloneNode(true) as Element, slots };
  else enter(copy, slots);
  return element;
}

/** Follows a stanza from literal to literal, and adds the values between them to `values`. */
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
      // An empty text has no text node, which is another shape.
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
 * Matches the beginning of a tag (with a slash, of an end tag), the end of an empty-element tag, an
 * attribute, or text. Each is matched whole, so no part of one can be mistaken for another.
 */
const PARTS = /<(\/?)|(\/)(?=>)|([^\s=<>/]+)\s*=\s*("[^"]*"|'[^']*')|>([^<]+)/g;

/**
 * The values of a stanza, in order. Namespace declarations are not values: they determine the
 * meaning of names.
 */
function slotsOf(text: string): Slot[] {
  const slots: Slot[] = [];
  /** The open elements, innermost first: the path to each, and the number of its children so far. */
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
