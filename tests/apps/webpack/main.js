import * as epode from 'epode';
import { run } from './app.js';

run(epode, new URL('epode/worker/inline', import.meta.url));
