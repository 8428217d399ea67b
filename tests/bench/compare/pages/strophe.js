// A contestant with Strophe's API: Epode and Strophe run the same lines, as an app has them.

/**
 * @param {() => Promise<object>} library imports the library; `options` are those of the connection
 */
export const speaking = (library, options) => async () => {
  const { Strophe, $msg, $pres } = await library();
  const { CONNECTED, ATTACHED, CONNFAIL, AUTHFAIL, DISCONNECTED } = Strophe.Status;
  let connection;
  let isUp = false;
  return {
    construct({ service, managed }) {
      const management = managed && { enableStreamManagement: true };
      connection = new Strophe.Connection(service, { ...options, ...management });
    },

    connect: ({ jid, password }) =>
      new Promise((up, failed) => {
        connection.connect(jid, password, (status, condition) => {
          // A session that is lost and comes back has no handlers, so nothing more would be counted.
          if (isUp) reportError(new Error(`the session did not last: status ${status}, ${condition}`));
          if (status === CONNECTED || status === ATTACHED) up((isUp = true));
          if (status === CONNECTED) connection.send($pres());
          if ([CONNFAIL, AUTHFAIL, DISCONNECTED].includes(status))
            failed(new Error(`status ${status}: ${condition}`));
        });
      }),

    hear({ type, ns = null }, listener) {
      const handler = connection.addHandler((element) => (listener(element), true), ns, 'message', type);
      return () => connection.deleteHandler(handler);
    },

    hearText(listener) {
      connection.rawInput = listener;
    },

    send({ to, body, count }) {
      for (let i = 0; i < count; i++)
        connection.send(
          $msg({ to, type: 'chat', id: `m${i}` })
            .c('body')
            .t(body),
        );
    },
  };
};
