import * as epode from 'epode';
import { run } from './app.js';

export const start = (worker) => run(epode, worker);
