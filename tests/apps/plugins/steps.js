// What the plugins do for an app, step by step; each answers with what came of it, for the test to compare.

/**
 * @param {object} library what the plugins are fastened to
 * @param {object} options of the connection
 * @returns pairs of a step and its outcome
 */
window.steps = async function steps({ Strophe, $msg, $pres }, service, options) {
  const outcomes = [];
  const step = async (name, work) => {
    const late = new Promise((resolve) => setTimeout(resolve, 3_000, 'nothing came'));
    const outcome = await Promise.race([new Promise(work).catch((error) => `threw ${error.name}`), late]);
    outcomes.push([name, outcome]);
  };
  const texts = (elements, name = 'jid') => [...elements].map((element) => element.getAttribute(name));

  const connection = new Strophe.Connection(service, options);
  for (const name of ['caps', 'disco', 'mam', 'muc', 'ping', 'roster'])
    await step(`the connection has ${name}`, (ok) => ok(typeof connection[name]));
  await step('rsm is part of Strophe', (ok) => ok(new Strophe.RSM({ max: 3 }).toXML().outerHTML));
  connection.disco?.addIdentity('client', 'web', 'app', 'en');
  connection.disco?.addFeature('urn:example');
  await step('attach, as roster wraps it', (ok) => {
    // Without a worker there is nothing to attach to: Strophe throws.
    if (!options.worker) return ok('');
    connection.attach((status) => status === Strophe.Status.ATTACHFAIL && ok('ATTACHFAIL'));
  });
  await step('connect, as roster wraps it', (ok) =>
    connection.connect('alice@localhost/scripted', 'x', (status) => {
      if (status === Strophe.Status.CONNECTED) ok('CONNECTED');
    }),
  );
  await step('roster.get', (ok) =>
    connection.roster.get((items) => ok(items.map(({ jid, name, groups }) => [jid, name, groups]))),
  );
  await step('a push', (ok) => {
    connection.roster.registerCallback((items, item) => item && ok([item.jid, items.length]));
    connection.send($msg({ to: 'push.localhost' }));
  });
  await step('a presence of a contact', (ok) => {
    connection.roster.registerCallback((items) => {
      const [contact] = items.filter(({ resources }) => Object.keys(resources).length > 0);
      if (contact) ok([contact.jid, contact.resources.balcony?.show]);
    });
    connection.send($pres({ to: 'presence.localhost' }));
  });
  await step('roster.add', (ok) =>
    connection.roster.add('new@localhost', 'New', ['Friends'], () => ok('ok')),
  );
  await step('ping.ping', (ok) => connection.ping.ping('localhost', () => ok('ok')));
  await step('ping.pong', (ok) => {
    connection.ping.addPingHandler((ping) => {
      connection.ping.pong(ping);
      connection.send($msg({ to: 'said.localhost', id: 'pong' }));
      return true;
    });
    const heard = (message) => ok(message.textContent);
    connection.addHandler(heard, null, 'message', null, 'pong');
    connection.send($msg({ to: 'ping.localhost' }));
  });
  await step('disco.info', (ok) =>
    connection.disco.info('rooms.localhost', null, (iq) => ok(texts(iq.querySelectorAll('feature'), 'var'))),
  );
  await step('disco answers', (ok) => {
    connection.addHandler((message) => ok(message.textContent), null, 'message', null, 'disco');
    connection.send($msg({ to: 'disco.localhost' }));
  });
  await step('mam.query with rsm', (ok) => {
    const found = [];
    connection.mam.query('alice@localhost', {
      max: 2,
      onMessage: (message) => found.push(message.querySelector('body').textContent),
      onComplete: (iq) => ok([found, new Strophe.RSM({ xml: iq.querySelector('set') }).last]),
    });
  });
  await step('muc.join', (ok) =>
    connection.muc.join('room@rooms.localhost', 'alice', null, (presence) => {
      ok(presence.getAttribute('from'));
      return true;
    }),
  );
  await step('the occupants', (ok) =>
    setTimeout(() => ok(Object.keys(connection.muc.rooms['room@rooms.localhost'].roster).sort()), 100),
  );
  await step('muc.groupchat', (ok) => {
    const heard = (message) => ok([message.getAttribute('from'), message.querySelector('body').textContent]);
    connection.addHandler(heard, null, 'message', 'groupchat');
    connection.muc.groupchat('room@rooms.localhost', 'hello', '<p>hello</p>');
  });
  await step('muc.listRooms', (ok) =>
    connection.muc.listRooms('rooms.localhost', (iq) => ok(texts(iq.querySelectorAll('item')))),
  );
  await step('muc.leave', (ok) => connection.muc.leave('room@rooms.localhost', 'alice', () => ok('left')));
  await step('caps', (ok) => ok(connection.caps.generateCapsAttrs().hash));
  connection.disconnect();
  return outcomes;
};
