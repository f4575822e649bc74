import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    environment: 'jsdom',
    include: ['src/__tests__/*.spec.{ts,tsx}'],
    // JupyterLab publishes ES modules without `"type": "module"`, which Node does not load by itself.
    server: { deps: { inline: [/@jupyterlab/, /@jupyter\//, /@lumino/] } }
  }
});
