export default { entry: { main: './main.js' }, output: { filename: '[name].[contenthash].js' } };
