import { relayed } from '../relayed.js';

export default relayed(new URL('../relay-worker.js?batched', import.meta.url), true);
