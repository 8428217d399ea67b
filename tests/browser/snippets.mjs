// Snippets of apps, as the page of Strophe's options has them: each makes a connection `conn`.

/** Runs a snippet as a module of the page. */
export async function run(tab, globals, code) {
  await tab.evaluate(
    (globals, code) => {
      Object.assign(window, globals);
      const script = document.createElement('script');
      script.type = 'module';
      script.textContent = code;
      document.head.append(script);
    },
    globals,
    // The connection that later questions are about.
    `${code}\nwindow.connection = conn;`,
  );
}
