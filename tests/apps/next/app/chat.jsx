'use client';

import * as epode from 'epode';
import { useEffect } from 'react';
import { run } from '../app.js';

export default function Chat() {
  useEffect(() => run(epode, new URL('epode/worker/inline', import.meta.url)), []);
  return null;
}
