/** How the specs in `__tests__/` are compiled and run: `deno task test:wasm`. */
import { realpathSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import process from "node:process";

/** as-pect's own AssemblyScript part stands beside its command, however packages are laid out. */
const packages = dirname(realpathSync("node_modules/@as-pect/cli"));
const assertions = join(packages, "assembly", "assembly", "index.ts");

export default {
  entries: ["assembly/__tests__/**/*.spec.ts"],
  include: [relative(process.cwd(), assertions)],
  disclude: [],
  instantiate(memory, createImports, instantiate, binary) {
    return instantiate(binary, createImports({ env: { memory } }));
  },
  outputBinary: false,
};
