import { speaking } from '../strophe.js';

export default speaking(() => import('/before/epode.js'), { worker: '/before/epode-worker.js' });
