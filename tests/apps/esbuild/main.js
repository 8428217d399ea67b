import * as epode from 'epode';
import worker from 'epode/worker/inline';
import { run } from './app.js';

run(epode, worker);
