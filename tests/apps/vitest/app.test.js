// @vitest-environment jsdom
import { expect, test } from 'vitest';
import { $msg, Strophe } from 'epode';

test('stanzas have elements', () => {
  expect($msg({ to: 'a@b' }).c('body').t('hi').tree().querySelector('body').textContent).toBe('hi');
});

test('connect says why there is no session', async () => {
  const connection = new Strophe.Connection('wss://chat.example/', { worker: '/epode-worker.inline.js' });
  connection.connect('juliet@localhost', 'secret');
  await expect(connection.ready).rejects.toThrow(/worker script/);
});
