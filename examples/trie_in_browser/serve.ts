/**
 * Serves this example, which browsers do not load from files: `deno task build:npm`, then
 * `deno run -A examples/trie_in_browser/serve.ts`.
 *
 * @module
 */
const ROOT = new URL("../../", import.meta.url);
const TYPES: Readonly<Record<string, string>> = {
  css: "text/css",
  html: "text/html",
  js: "text/javascript",
  wasm: "application/wasm",
};
const SERVED = /^\/(examples\/trie_in_browser|dist\/npm)\/[\w.-]*$/;

/** The page, its scripts and the package; nothing else of the project. */
export async function serveExample({ url }: Request): Promise<Response> {
  const { pathname, search } = new URL(url);
  if (pathname === "/") return Response.redirect(new URL(`/examples/trie_in_browser/${search}`, url));
  const path = pathname.endsWith("/") ? `${pathname}index.html` : pathname;
  const body = SERVED.test(path) ? await Deno.readFile(new URL(`.${path}`, ROOT)).catch(() => null) : null;
  const type = TYPES[path.slice(path.lastIndexOf(".") + 1)] ?? "text/plain";
  return new Response(body ?? "not here", { status: body ? 200 : 404, headers: { "content-type": type } });
}

if (import.meta.main) {
  Deno.serve({ hostname: "127.0.0.1", port: Number(Deno.args[0] ?? 8000) }, serveExample);
}
