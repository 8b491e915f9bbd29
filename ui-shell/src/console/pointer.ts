import { ensureSyntaxTree } from "@codemirror/language";
import type { EditorState } from "@codemirror/state";

const PATIENCE_MS = 500;

/** Returns where the value at a JSON Pointer stands; its nearest parent when it is absent. */
export function spanOf(state: EditorState, pointer: string): { from: number; to: number } {
  const tree = ensureSyntaxTree(state, state.doc.length, PATIENCE_MS);
  let node = tree?.topNode.firstChild ?? null;
  let named = node;
  for (const raw of pointer.split("/").slice(1)) {
    const part = raw.replaceAll("~1", "/").replaceAll("~0", "~");
    if (node?.name === "Array") {
      node = childrenOf(node)[Number(part)] ?? null;
      named = node ?? named;
    } else if (node?.name === "Object") {
      const property = childrenOf(node).find((item) => {
        const key = item.firstChild;
        return key && state.sliceDoc(key.from, key.to) === JSON.stringify(part);
      });
      node = property?.lastChild ?? null;
      named = property?.firstChild ?? named;
    } else {
      break;
    }
  }
  if (!named) return { from: 0, to: 0 };
  // A whole object would be underlined over many lines: its first one says enough.
  const line = state.doc.lineAt(named.from);
  return { from: named.from, to: Math.min(named.to, line.to) };
}

type Tree = NonNullable<ReturnType<typeof ensureSyntaxTree>>;
type Node = Tree["topNode"];

function childrenOf(node: Node): Node[] {
  const found: Node[] = [];
  for (let child = node.firstChild; child; child = child.nextSibling) {
    if (!/^[[\]{},]$/.test(child.name)) found.push(child);
  }
  return found;
}
