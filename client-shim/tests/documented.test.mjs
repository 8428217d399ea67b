// Everything that an app can reach from the package has a doc comment in the declarations that the
// build writes.

import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';
import { API, SignatureKind, SymbolFlags } from 'typescript/unstable/sync';

const config = fileURLToPath(new URL('tsconfig.json', import.meta.url));
const declarations = fileURLToPath(new URL('../dist/', import.meta.url));

/** Symbols that need no comment. */
const PASSED_OVER = SymbolFlags.Prototype | SymbolFlags.TypeParameter | SymbolFlags.ValueModule;

/** Whether an editor shows text for the name: a sentence, or a description of the parameters. */
function isDocumented(symbol, checker) {
  return symbol.getDocumentationComment(checker).trim() !== '' || symbol.getJsDocTags(checker).length > 0;
}

/** Everything of this package that an app can reach from these exports, each with its path. */
function reachable(checker, exported) {
  const found = new Map();
  const types = new Set();
  const isOwn = ({ declarations: nodes }) => nodes.some(({ path }) => path.startsWith(declarations));

  const visit = (symbol, path) => {
    if (symbol.flags & SymbolFlags.Alias) symbol = checker.getAliasedSymbol(symbol);
    if (symbol.name.includes('#') || symbol.flags & PASSED_OVER || !isOwn(symbol) || found.has(symbol.id))
      return;
    found.set(symbol.id, { symbol, path });
    if (symbol.flags & (SymbolFlags.Class | SymbolFlags.Interface | SymbolFlags.TypeAlias)) {
      const type = checker.getDeclaredTypeOfSymbol(symbol);
      look(type, path);
      for (const base of type.getBaseTypes() ?? []) look(base, path);
    }
    // A constructor like that of a documented base class is documented there.
    const isRoot =
      symbol.flags & SymbolFlags.Class &&
      !checker
        .getDeclaredTypeOfSymbol(symbol)
        .getBaseTypes()
        .some((base) => isOwn(base.getSymbol()));
    const made = isRoot && symbol.getMembers().get('__constructor');
    if (made) found.set(made.id, { symbol: made, path: `new ${path}` });
    if (symbol.flags & SymbolFlags.Value) look(checker.getTypeOfSymbol(symbol), path);
  };

  const look = (type, path) => {
    if (!type || types.has(type.id)) return;
    types.add(type.id);
    const named = type.getAliasSymbol() ?? type.getSymbol();
    if (named && !named.name.startsWith('__')) visit(named, (path = named.name));
    if (type.isUnionType() || type.isIntersectionType())
      return type.getTypes().forEach((part) => look(part, path));
    if (type.isTypeReference()) checker.getTypeArguments(type).forEach((argument) => look(argument, path));
    if (!type.isObjectType()) return;
    for (const { valueType } of checker.getIndexInfosOfType(type)) look(valueType, path);
    for (const property of checker.getPropertiesOfType(type)) visit(property, `${path}.${property.name}`);
    for (const kind of [SignatureKind.Call, SignatureKind.Construct]) {
      for (const signature of checker.getSignaturesOfType(type, kind)) {
        for (const parameter of signature.getParameters())
          look(checker.getTypeOfSymbol(parameter), `${path}(${parameter.name})`);
        if (kind === SignatureKind.Call) look(checker.getReturnTypeOfSignature(signature), `${path}()`);
      }
    }
  };

  for (const symbol of exported) visit(symbol, symbol.name);
  return [...found.values()];
}

test('each export, and each member of an export, has a doc comment', () => {
  const api = new API();
  try {
    const [project] = api.updateSnapshot({ openProjects: [config] }).getProjects();
    const { checker, program } = project;
    const module = checker.getSymbolAtLocation(program.getSourceFile(`${declarations}epode.d.ts`));
    const exported = checker.getExportsOfModule(module);
    const all = reachable(checker, exported);
    const paths = all.map(({ path }) => path);
    for (const one of ['Connection.connect', 'ConnectionOptions.queue', 'Builder.c', 'StanzaError.text']) {
      assert.ok(paths.includes(one), `${one} was not looked at`);
    }
    assert.deepEqual(
      all.filter(({ symbol }) => !isDocumented(symbol, checker)).map(({ path }) => path),
      [],
    );
  } finally {
    api.close();
  }
});
