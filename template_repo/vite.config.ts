import { cloudflare } from "@cloudflare/vite-plugin";
import { defineConfig } from "vite";

export default defineConfig({
  // Relative addresses: the same build runs at https://{script}.example.com/ and at https://example.com/app/{script}/.
  base: "./",
  plugins: [cloudflare()],
});
