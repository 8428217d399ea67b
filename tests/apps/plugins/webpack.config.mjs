export default {
  mode: 'production',
  entry: './both.js',
  resolve: { alias: { 'strophe.js': 'epode/strophe' } },
  output: { filename: 'both.js' },
};
