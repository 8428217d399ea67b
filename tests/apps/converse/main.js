// A page of Converse, as a site has it: the address names the script of Converse, the service and the
// worker. What Converse tells its plugins is kept in `heard`.

const { script, service, worker } = Object.fromEntries(new URLSearchParams(location.search));

window.heard = [];
await import(script);
window.converse.plugins.add('witness', {
  initialize() {
    window.inner = this._converse;
    const { api, state } = window.inner;
    for (const event of ['connected', 'reconnected', 'disconnected', 'will-reconnect', 'logout'])
      api.listen.on(event, () => window.heard.push(event));
    state.connfeedback.on('change:connection_status', (feedback) =>
      window.heard.push(feedback.get('connection_status')),
    );
  },
});
await window.converse.initialize({
  assets_path: '/dist/',
  connection_options: worker ? { worker } : {},
  play_sounds: false,
  show_desktop_notifications: false,
  theme: 'classic',
  view_mode: 'fullscreen',
  websocket_url: service,
  whitelisted_plugins: ['witness'],
});
window.ready = true;
