import * as epode from 'epode';
import worker from 'url:epode/dist/epode-worker.inline.js';
import { run } from './app.js';

run(epode, worker);
