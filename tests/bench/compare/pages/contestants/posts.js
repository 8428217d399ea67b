import { relayed } from '../relayed.js';

export default relayed(new URL('../relay-worker.js', import.meta.url), false);
