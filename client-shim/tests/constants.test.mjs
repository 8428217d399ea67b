import assert from 'node:assert/strict';
import { test } from 'node:test';
import { load } from './load.mjs';

const { Status, NS, addNamespace, ErrorCondition, LogLevel, ElementType, TIMEOUT, SECONDARY_TIMEOUT } =
  await load('client-shim/ts/constants.ts');

test('the statuses have the numbers of Strophe', () => {
  assert.deepEqual(Object.entries(Status), [
    ['ERROR', 0],
    ['CONNECTING', 1],
    ['CONNFAIL', 2],
    ['AUTHENTICATING', 3],
    ['AUTHFAIL', 4],
    ['CONNECTED', 5],
    ['DISCONNECTED', 6],
    ['DISCONNECTING', 7],
    ['ATTACHED', 8],
    ['REDIRECT', 9],
    ['CONNTIMEOUT', 10],
    ['BINDREQUIRED', 11],
    ['ATTACHFAIL', 12],
    ['RECONNECTING', 13],
  ]);
});

test('addNamespace makes a namespace known by its name', () => {
  assert.equal(NS.CLIENT, 'jabber:client');
  addNamespace('CARBONS', 'urn:xmpp:carbons:2');
  assert.equal(NS.CARBONS, 'urn:xmpp:carbons:2');
});

// Strophe is a development dependency for the benchmarks; here its exports are the reference.
test('every public constant of Strophe exists here with the same value', async () => {
  const { giveDom } = await import('./load.mjs');
  giveDom();
  const { Strophe } = await import('../../node_modules/strophe.js/dist/strophe.esm.js');
  for (const [name, value] of Object.entries(Strophe.NS)) assert.equal(NS[name], value, name);
  assert.deepEqual({ ...Status }, { ...Strophe.Status });
  assert.deepEqual({ ...ErrorCondition }, { ...Strophe.ErrorCondition });
  assert.deepEqual({ ...LogLevel }, { ...Strophe.LogLevel });
  assert.deepEqual({ ...ElementType }, { ...Strophe.ElementType });
  assert.deepEqual([TIMEOUT, SECONDARY_TIMEOUT], [Strophe.TIMEOUT, Strophe.SECONDARY_TIMEOUT]);
});
