/** A copy of a tree of plain objects with one value changed. */
export function changeAt<Tree extends object>(tree: Tree, path: readonly string[], value: unknown): Tree {
  const [key, ...rest] = path;
  if (key === undefined) return tree;
  const inner = (tree as Record<string, object>)[key] ?? {};
  return { ...tree, [key]: rest.length === 0 ? value : changeAt(inner, rest, value) };
}
