import resolve from '@rollup/plugin-node-resolve';

export default {
  input: 'main.js',
  output: { dir: 'dist', entryFileNames: '[name]-[hash].js' },
  plugins: [resolve({ browser: true })],
};
