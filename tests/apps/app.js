// What each of these apps does: it logs in, says so, and writes down what it hears for the test to read.

export function run({ Strophe, $pres }, worker) {
  const names = Object.fromEntries(Object.entries(Strophe.Status).map(([name, number]) => [number, name]));
  const query = new URLSearchParams(location.search);
  const options = query.has('alone') ? {} : { worker: query.get('worker') ?? worker };
  const connection = new Strophe.Connection(query.get('service'), options);
  const heard = [];
  Object.assign(window, { heard, connection });
  connection.connect('juliet@localhost', 'secret', async (status, _condition, _element, reason) => {
    heard.push(reason ? `${names[status]}: ${reason}` : names[status]);
    if (status !== Strophe.Status.CONNECTED && status !== Strophe.Status.ATTACHED) return;
    heard.push((await connection.send($pres())).status);
  });
}
