// How the console is built: everything it needs is in dist/, nothing is fetched from elsewhere.
import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'vitest/config'

// `npm run dev` serves the source and passes /api on to a running service, by default the demo's usual port.
const service = process.env.GENGFU_CONSOLE_SERVICE ?? 'http://127.0.0.1:8080'

export default defineConfig({
  base: './',
  plugins: [vue()],
  define: {
    __VUE_OPTIONS_API__: 'true', // Element Plus has components of both kinds
    __VUE_PROD_DEVTOOLS__: 'false',
    __VUE_I18N_FULL_INSTALL__: 'false',
    __VUE_I18N_LEGACY_API__: 'false',
    __INTLIFY_PROD_DEVTOOLS__: 'false',
  },
  build: {
    target: 'es2023',
    // Inlined files would be data: URLs, which the content security policy allows for pictures only.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 1500, // kB; the map is most of it, and comes from this machine
    reportCompressedSize: false,
  },
  test: { environment: 'happy-dom', include: ['src/**/*.test.ts'] },
  server: { proxy: { '/api': service, '/health': service } },
})
