export default {
  resolve: { alias: { 'strophe.js': 'epode/strophe' } },
  build: {
    outDir: 'bundles/vite',
    rollupOptions: { input: 'both.js', output: { entryFileNames: 'both.js' } },
  },
};
