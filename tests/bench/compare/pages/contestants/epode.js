import { speaking } from '../strophe.js';

export default speaking(() => import('/epode.js'), { worker: '/epode-worker.js' });
