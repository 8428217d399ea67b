import { fileURLToPath } from 'node:url';

export default {
  basePath: process.env.BASE_PATH ?? '',
  // Without this Next.js takes the folder of the outermost lock file for the app's.
  turbopack: { root: fileURLToPath(new URL('.', import.meta.url)) },
};
