import { start } from './bundle.js';

start(new URL('epode/worker/inline', import.meta.url));
