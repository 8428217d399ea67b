// The plugins as CommonJS has them, fastened to what stands for `strophe.js`.
const library = require('strophe.js');

for (const load of [
  () => require('strophejs-plugin-rsm'),
  () => require('strophejs-plugin-disco'),
  () => require('strophejs-plugin-caps'),
  () => require('strophejs-plugin-mam'),
  () => require('strophejs-plugin-muc'),
  () => require('strophejs-plugin-roster'),
]) {
  load();
}
window.library = library;
