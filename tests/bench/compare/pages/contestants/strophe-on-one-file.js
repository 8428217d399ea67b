import { speaking } from '../strophe.js';

export default speaking(() => import('/strophe/strophe.js'), { worker: '/epode-worker.inline.js' });
