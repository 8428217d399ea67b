const epode = require('epode');
const { run } = require('./app.js');

run(epode, 'epode-worker.inline.js');
