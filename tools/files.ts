/**
 * Files of the project, for the tools.
 *
 * @module
 */

/** Paths of all files under `folder` whose names end so, sorted, with forward slashes. */
export async function* walkFiles(folder: string, ending: string): AsyncGenerator<string> {
  const entries = await Array.fromAsync(Deno.readDir(folder));
  for (const entry of entries.sort((a, b) => a.name < b.name ? -1 : 1)) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory) yield* walkFiles(path, ending);
    else if (entry.isFile && entry.name.endsWith(ending)) yield path;
  }
}

/** Whether there is such a file or folder. */
export async function exists(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
